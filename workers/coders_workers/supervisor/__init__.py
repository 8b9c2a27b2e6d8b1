"""The services behind the host tasks: spawn, watch, finish, reconcile."""
