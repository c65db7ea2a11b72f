"""The face for DRF views: one base class more, and every retry gets the first answer."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.db.models import Model
from django.views import View
from rest_framework.decorators import MethodMapper
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from . import drf
from .choices import Mismatch
from .conf import resolve, settings
from .deletions import follow
from .exceptions import IdempotencyError, PolicyError, Unavailable
from .failures import lost
from .handlers import bind
from .http import Hooks, check_hooks, refuse
from .models import IdempotencyRecord
from .policy import IdempotencyPolicy
from .routes import CHOOSES, MARK

if TYPE_CHECKING:
    _Base = APIView
else:
    _Base = object


class IdempotencyMixin(_Base):
    """
    Makes an APIView, a generic view or a ViewSet idempotent. It stands before them in the list of bases.

    A policy per action: `@action(..., idempotency_policy=POLICY)`, or override `get_idempotency_policy`.

    Attributes:
        idempotency_policy: the rules. None: IDEMPOTENCY["POLICY"].
    """

    idempotency_policy: IdempotencyPolicy | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        bases = cls.__mro__
        if APIView in bases and bases.index(APIView) < bases.index(IdempotencyMixin):
            raise TypeError(f"{cls.__qualname__}: write IdempotencyMixin before {cls.__bases__[0].__name__}.")
        if View in bases and APIView not in bases:  # it would never call `initial`, and run unguarded
            raise TypeError(f"{cls.__qualname__}: IdempotencyMixin is for DRF views; here @idempotent is.")
        own = vars(cls)
        if not own.keys() & {MARK, CHOOSES}:
            for name, value in own.items():
                if isinstance(value, IdempotencyPolicy):
                    raise TypeError(f"{cls.__qualname__}.{name} guards nothing: is it to be {MARK}?")
        check_hooks(
            cls.__qualname__,
            before_replay=cls.before_replay,
            validate_replay=cls.validate_replay,
            redact_response=cls.redact_response,
        )
        cls._accept(cls.idempotency_policy)
        for member in own.values():
            if isinstance(getattr(member, "mapping", None), MethodMapper):
                cls._accept(member.kwargs.get(MARK))

    @classmethod
    def as_view(cls, *args: Any, **kwargs: Any) -> Any:
        cls._accept(kwargs.get(MARK))
        return super().as_view(*args, **kwargs)

    @classmethod
    def _accept(cls, policy: Any) -> None:
        """Take a policy that a class, an action or a route names."""
        if policy is None:
            return
        if not isinstance(policy, IdempotencyPolicy):
            raise TypeError(f"{cls.__qualname__}: {MARK} must be an IdempotencyPolicy(...), not {policy!r}.")
        follow(policy)
        if (
            policy.on_mismatch is Mismatch.VALIDATE
            and cls.validate_replay is IdempotencyMixin.validate_replay
        ):
            raise PolicyError(
                f"{cls.__qualname__}: on_mismatch=VALIDATE needs a method validate_replay(self, request)."
            )

    def get_idempotency_policy(self) -> IdempotencyPolicy:
        """The policy of the request at hand; `self.action` and `self.request` are known."""
        policy: IdempotencyPolicy = self.idempotency_policy or resolve(settings().POLICY)
        return policy

    def before_replay(self, request: Request, record: IdempotencyRecord) -> None:
        """
        Called before a stored response is handed out; raise to refuse, as in a handler.

        Authentication, permissions and throttles have run. Permissions on an object have not: DRF checks them in
        `get_object()`, which a replay never reaches. Check them again here.
        """

    def validate_replay(self, request: Request) -> None:
        """With on_mismatch=VALIDATE: validate a body that differs from the first one; raise to refuse it."""
        raise ImproperlyConfigured(
            f"{type(self).__qualname__} needs validate_replay: its policy validates first."
        )

    def redact_response(self, request: Request, body: bytes) -> bytes:
        """
        What is stored, and replayed, in place of a response's body; the first caller gets the body as it is.

        An exception fails the request like one of the handler: all is rolled back.
        """
        return body

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        try:
            super().initial(request, *args, **kwargs)  # authentication, permissions, throttles
        except Error as error:
            policy = self.get_idempotency_policy()
            if not policy.guards(request.method) or not lost(IdempotencyRecord.alias(policy), error):
                raise
            # Authentication asked a database that is gone: refused like anything else that it fails.
            self._handle_by(partial(drf.refused, Unavailable(), policy), request.method or "")
            return
        policy = self.get_idempotency_policy()
        if not isinstance(policy, IdempotencyPolicy):
            raise TypeError(f"{type(self).__qualname__}.{CHOOSES} returned {policy!r}, no IdempotencyPolicy.")
        method = request.method or ""  # which may have been overridden by now
        handler = getattr(self, method.lower(), None)
        if handler is None or not policy.guards(method):
            return
        # Nothing is built for a hook that does nothing.
        replays = type(self).before_replay is not IdempotencyMixin.before_replay
        redacts = type(self).redact_response is not IdempotencyMixin.redact_response
        hooks = Hooks(
            self.before_replay if replays else None,
            self.validate_replay,
            self.redact_response if redacts else None,
        )
        self._handle_by(partial(drf.guard, self, policy, handler, hooks), method)

    def handle_exception(self, exc: Exception) -> Any:
        # A handler that says so, of a method that is not guarded: under a guard it never comes here.
        if isinstance(exc, IdempotencyError):
            return refuse(exc, self.get_idempotency_policy(), self.request)
        return super().handle_exception(exc)

    def _handle_by(self, handler: drf.Handler, method: str) -> None:
        # dispatch() looks the handler up on the instance right after initial().
        setattr(self, method.lower(), handler)


class IdempotentCreateMixin(IdempotencyMixin):
    """
    IdempotencyMixin for views that create: the record is bound to the object that `perform_create` saved.

    Once the object is deleted, its key is answered with `not_found`. See `django_idempotency.bind` for handlers that
    create by other means; of several objects (`many=True`) none is bound.
    """

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        perform_create: Callable[[BaseSerializer[Any]], None] | None = getattr(self, "perform_create", None)
        if perform_create is not None:
            # On the instance: it finds whatever a view has made of perform_create, super() called or not. Not
            # declared, or the signature of every view's own perform_create would be held against it.
            vars(self)["perform_create"] = partial(_perform_and_bind, perform_create)


def _perform_and_bind(
    perform_create: Callable[[BaseSerializer[Any]], None], serializer: BaseSerializer[Any]
) -> None:
    perform_create(serializer)
    if isinstance(serializer.instance, Model):
        bind(serializer.instance)
