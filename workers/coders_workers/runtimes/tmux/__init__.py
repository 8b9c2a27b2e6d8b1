"""The runtime that keeps sessions in tmux, on a private socket."""
