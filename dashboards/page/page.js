"use strict";
// Asks the Prometheus that serves this page, and draws what it answers. The choices stand in the address.

const dashboard = JSON.parse(document.getElementById("dashboard").textContent);
const chosen = new URLSearchParams(location.search);
const SPANS = [["5", "5 min"], ["15", "15 min"], ["60", "1 h"], ["360", "6 h"], ["1440", "1 day"]];
const REFRESH_MS = 15000;

async function ask(path, parameters) {
  const answer = await fetch("../api/v1/" + path + "?" + new URLSearchParams(parameters));
  const said = await answer.json();
  if (said.status !== "success") throw new Error(said.error);
  return said.data;
}

function minutes() {
  return Number(chosen.get("span") || 15);
}

function literal(text) {
  return [...text].map((letter) => ("\\^$.|?*+()[]{}".includes(letter) ? "\\\\" + letter : letter)).join("").replaceAll('"', '\\"');
}

// The expression for what is chosen; a rate is taken over four steps, and a minute at least.
function filled(expr, step) {
  let text = expr.replaceAll("$__rate_interval", chosen.get("rate") || Math.max(60, 4 * step) + "s");
  for (const variable of dashboard.variables) {
    const value = chosen.get(variable.label);
    text = text.replaceAll("$" + variable.label, value === null ? ".*" : literal(value));
  }
  return text;
}

function named(legend, labels) {
  let name = legend;
  for (const [label, value] of Object.entries(labels)) name = name.replaceAll("{" + label + "}", value);
  return name.replaceAll(/\{\w+\}/g, "").trim() || "value";
}

async function series(panel, query, from, to, step) {
  const overTime = panel.shape === "lines" || panel.shape === "stacked";
  const expr = filled(query.expr, step);
  const data = overTime
    ? await ask("query_range", { query: expr, start: from, end: to, step: step })
    : await ask("query", { query: expr, time: to });
  return data.result
    .map((one) => ({
      name: named(query.legend, one.metric),
      labels: one.metric,
      points: (overTime ? one.values : [one.value])
        .map(([time, value]) => [time, Number(value)])
        .filter((point) => Number.isFinite(point[1])),
    }))
    .filter((one) => one.points.length);
}

async function draw(panel, place) {
  const to = Date.now() / 1000;
  const step = Math.max(1, Math.round(minutes() / 4));
  const from = to - minutes() * 60;
  const content = place.querySelector(".content");
  try {
    const found = (await Promise.all(panel.queries.map((query) => series(panel, query, from, to, step)))).flat();
    place.dataset.series = found.length;
    place.dataset.points = found.reduce((sum, one) => sum + one.points.length, 0);
    place.dataset.state = found.length ? "drawn" : "empty";
    content.innerHTML = picture(panel, found, from, to, content.clientWidth || 600);
    const svg = content.querySelector("svg");
    if (svg) follow(panel, found, content, svg, from, to);
  } catch (error) {
    place.dataset.state = "broken";
    content.innerHTML = `<div class="broken">${escaped(error.message)}</div>`;
  }
}

function picture(panel, found, from, to, width) {
  if (panel.shape === "number") return number(panel, found);
  if (panel.shape === "table") return rows(panel, found);
  if (!found.length) return `<div class="none">nothing in this time</div>`;
  return chart(panel, found, from, to, width) + `<div class="legend">${legend(panel, found, null)}</div>`;
}

// The legend tells the values where the pointer is.
function follow(panel, found, content, svg, from, to) {
  const cursor = svg.querySelector(".cursor");
  const text = content.querySelector(".legend");
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const at = event.clientX - box.left;
    if (at < LEFT) return;
    cursor.setAttribute("x1", at);
    cursor.setAttribute("x2", at);
    cursor.setAttribute("visibility", "visible");
    text.innerHTML = legend(panel, found, from + ((at - LEFT) / (box.width - LEFT)) * (to - from));
  });
  svg.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    text.innerHTML = legend(panel, found, null);
  });
}

function choice(label, title, options, value) {
  const all = options.map(([key, text]) => {
    const mark = key === value ? " selected" : "";
    return `<option value="${escaped(key)}"${mark}>${escaped(text)}</option>`;
  });
  return `<label>${title} <select name="${label}">${all.join("")}</select></label>`;
}

async function choices() {
  const now = Date.now() / 1000;
  const made = [];
  for (const variable of dashboard.variables) {
    const parameters = { "match[]": filled(variable.of, 15), start: now - minutes() * 60, end: now };
    const values = await ask(`label/${variable.label}/values`, parameters);
    const value = chosen.get(variable.label);
    if (value !== null && !values.includes(value)) values.push(value);
    made.push(choice(variable.label, variable.title, [["", "all"], ...values.map((one) => [one, one])], value || ""));
  }
  made.push(choice("span", "Last", SPANS, String(minutes())));
  document.getElementById("choices").innerHTML = made.join("");
}

function layOut() {
  const places = [];
  for (const row of dashboard.rows) {
    const section = document.createElement("section");
    section.innerHTML = `<h2>${escaped(row.title)}</h2><div class="row"></div>`;
    document.getElementById("rows").append(section);
    for (const panel of row.panels) {
      const place = document.createElement("article");
      place.className = panel.width < 8 ? "panel small" : "panel";
      place.style.gridColumn = `span ${panel.width}`;
      place.dataset.panel = panel.title;
      place.innerHTML = `<h3 title="${escaped(panel.description)}">${escaped(panel.title)}</h3><div class="content"></div>`;
      section.lastChild.append(place);
      places.push([panel, place]);
    }
  }
  return places;
}

async function show(places) {
  await choices().catch((error) => {
    document.getElementById("choices").textContent = error.message;
  });
  await Promise.all(places.map(([panel, place]) => draw(panel, place)));
  document.body.dataset.state = "drawn";
  setTimeout(show, REFRESH_MS, places);
}

document.getElementById("choices").addEventListener("change", (event) => {
  const { name, value } = event.target;
  if (value) chosen.set(name, value);
  else chosen.delete(name);
  location.search = chosen;
});
for (const link of document.querySelectorAll("nav a")) link.search = chosen;
show(layOut());
