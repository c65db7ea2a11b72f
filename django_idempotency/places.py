"""Where a guard must not stand: a replay would come before authentication, or before access is checked."""

from typing import Any

AROUND_DRF = (
    "Above @api_view, or around a DRF view or its dispatch(), @idempotent would replay before authentication. "
    "Put it directly under @api_view, on the handler (post), or use IdempotencyMixin."
)

AROUND_ACCESS = (
    "Around a view with LoginRequiredMixin or its kind, or around its dispatch(), @idempotent would replay before "
    "access is checked. Write @method_decorator(idempotent, name='post')."
)


ABOVE_ACCESS = (
    "Above @login_required, @permission_required or their kind, @idempotent would replay before access is checked. "
    "Put it under them, directly above the function."
)


def around(owner: Any) -> str | None:
    """What is wrong with a guard around all of a class's view, or around its `dispatch`; None where nothing is."""
    if hasattr(owner, "initialize_request"):
        return AROUND_DRF
    # One of django.contrib.auth's mixins, which check in dispatch().
    return AROUND_ACCESS if hasattr(owner, "handle_no_permission") else None


def refuse(view: Any) -> None:
    """
    Look at what `@idempotent` was put on.

    Raises:
        TypeError: it must not stand there.
    """
    if isinstance(view, type):
        raise TypeError("On a class write @method_decorator(idempotent, name='post').")
    # A DRF view as @api_view and as_view() make it, or dispatch() as method_decorator binds it.
    view = getattr(view, "func", view)
    owner = getattr(view, "__self__", None) if getattr(view, "__name__", "") == "dispatch" else None
    if fault := around(owner or getattr(view, "cls", None) or getattr(view, "view_class", None)):
        raise TypeError(fault)
    while view is not None:
        # What `functools.wraps` does not copy.
        if getattr(view, "__globals__", {}).get("__name__") == "django.contrib.auth.decorators":
            raise TypeError(ABOVE_ACCESS)
        view = getattr(view, "__wrapped__", None)
