"""`c4trace completion`: the script that teaches a shell our words."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from c4trace.cli.verb import verb

__all__ = ["command"]

SHELLS = ("bash", "zsh", "fish")


@verb(
    """
    c4trace completion bash > ~/.local/share/bash-completion/completions/c4trace
    c4trace completion zsh > "${fpath[1]}/_c4trace"
    c4trace completion fish > ~/.config/fish/completions/c4trace.fish
    """,
    no_args_is_help=True,
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, *, shell: str) -> None:
    """Print the completion script of a shell."""
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click has a class for each of SHELLS
    click.echo(found(ctx.find_root().command, {}, "c4trace", "_C4TRACE_COMPLETE").source())
