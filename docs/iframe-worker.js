// Search, for pages that are opened from the file system: browsers refuse them workers, so the worker runs in a frame.
if (location.protocol === "file:")
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      const loaded = new Promise((done) => (frame.onload = done));
      frame.srcdoc = `<script>
        postMessage = (data) => frameElement.answer(data);
        importScripts = (...urls) => Promise.all(urls.map((url) => new Promise((done) => {
          const script = document.createElement("script");
          script.src = url;
          script.onload = done;
          document.head.append(script);
        })));
      <\/script><script src="${new URL(url, location)}"><\/script>`;
      frame.answer = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      document.body.append(frame);
      this.postMessage = (data) =>
        loaded.then(() => frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })));
    }
    terminate() {}
  };
