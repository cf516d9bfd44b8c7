"""Ways in and out: signing in, choosing a password by a link, the first account of an empty system."""

from __future__ import annotations

from flask import Response, g, request

from core.errors import BackofficeError, Conflict, Invalid, NotFound, NotSignedIn
from core.render.pages import Plain, Toast
from core.services import accounts, demo, people, sessions, setup
from core.web import guards, showing
from core.web.asking import COOKIE, DOORS, platform, session_cookie
from core.web.routing import Routes
from core.web.showing import go, respond

SHOWN = 8


def routes(made: Routes) -> None:
    """The doors that anybody may try."""
    made.route("/login", methods=["GET", "POST"])(login)
    made.post("/logout")(logout)
    made.route("/login/forgotten", methods=["GET", "POST"])(forgotten)
    made.route("/login/choose", methods=["GET", "POST"])(choose)
    made.route("/setup", methods=["GET", "POST"])(set_up)
    DOORS.update({f"web.doors_{name}" for name in ("login", "logout", "forgotten", "choose", "set_up")})


def inside(url: str) -> str:
    """The path to go on to, when it is one of ours; else home."""
    good = (
        url.startswith("/") and not url.startswith(("//", "/\\", "/login", "/logout")) and all(sign >= " " and sign != "\\" for sign in url)
    )
    return url if good else "/"


def login() -> Response:
    """Sign in."""
    p = platform()
    if request.method == "POST":
        return _sign_in()
    if g.asking is not None and "next" not in request.args:
        return go("/")
    if setup.is_open(p):
        return go("/setup")
    return _login_page("", request.args.get("next", ""), [])


def _login_page(email: str, next_: str, errors: list[tuple[str, str, str]], status: int = 200) -> Response:
    offered = demo.shown_accounts(platform())
    every = request.args.get("all") == "1"
    shown = offered if every else demo.few_accounts(offered, SHOWN)
    page = Plain(
        showing.shell("Sign in"),
        {
            "email": email,
            "next": inside(next_) if next_ else "",
            "errors": errors,
            "demo": shown,
            "more": len(offered) if len(shown) < len(offered) else 0,
        },
    )
    return respond("login.html", page, status=status)


def _sign_in() -> Response:
    p = platform()
    email, password = request.form.get("email", ""), request.form.get("password", "")
    if chosen := request.form.get("as", ""):
        email, password = chosen, demo.PASSWORD
    try:
        token, _ = accounts.sign_in(p, email[:320], password, address=guards.address(), agent=request.headers.get("User-Agent", "")[:200])
    except NotSignedIn as problem:
        return _login_page(email[:320], request.form.get("next", ""), [("email", "", problem.detail)], 401)
    except BackofficeError as problem:
        answer = _login_page(email[:320], request.form.get("next", ""), [("", "", problem.detail)], problem.status)
        if hasattr(problem, "retry_after"):
            answer.headers["Retry-After"] = str(problem.retry_after)
        return answer
    former = request.cookies.get(COOKIE, "")
    if former and g.asking is not None:
        accounts.close_session(p, former)
    answer = go(inside(request.form.get("next", "")))
    session_cookie(answer, p.settings, token)
    answer.delete_cookie(guards.DOOR)
    return answer


def logout() -> Response:
    """Sign out."""
    p = platform()
    token = request.cookies.get(COOKIE, "")
    if token and g.asking is not None:
        accounts.close_session(p, token)
    answer = go("/login")
    answer.delete_cookie(COOKIE)
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


def forgotten() -> Response:
    """Ask for a link to choose another password; the answer is the same whoever asks."""
    p = platform()
    told = ""
    if request.method == "POST":
        sessions.count_attempt(p, "reset", guards.address())
        people.ask_reset(p, request.form.get("email", "")[:320])
        told = (
            "If there is an account with that address, a link is on its way to it by mail."
            if p.settings.smtp_url
            else "Mail is off here: ask an administrator for a link."
        )
    return respond(
        "door.html", Plain(showing.shell("Forgotten password"), {"kind": "forgotten", "told": told, "errors": [], "key": "", "given": {}})
    )


def choose() -> Response:
    """Choose a password by the link of an invitation or a reset."""
    p = platform()
    key = request.values.get("key", "")[:200]
    errors: list[tuple[str, str, str]] = []
    status = 200
    if request.method == "POST":
        sessions.count_attempt(p, "link", guards.address())
        if request.form.get("password", "") != request.form.get("again", request.form.get("password", "")):
            errors, status = [("again", "", "The two passwords differ.")], 422
        else:
            try:
                accounts.redeem(p, key, request.form.get("password", ""))
                return go("/login", toast=Toast("Your password is set. Sign in with it."))
            except Invalid as problem:
                errors, status = [("password", "", one) for said in problem.errors.values() for one in said], 422
            except NotFound as problem:
                errors, status = [("", "", problem.detail)], 404
    else:
        try:
            accounts.require_link(p, key)
        except NotFound as problem:
            errors, status = [("", "", problem.detail)], 404
    # Where the link opens nothing, another one can be asked for in the same place.
    kind = "forgotten" if status == 404 else "choose"
    page = Plain(showing.shell("Choose a password"), {"kind": kind, "told": "", "errors": errors, "key": key, "given": {}})
    return respond("door.html", page, status=status)


def set_up() -> Response:
    """Make the first account of an empty system."""
    p = platform()
    if not setup.is_open(p):
        raise NotFound("There is no such page.")
    errors: list[tuple[str, str, str]] = []
    status = 200
    values = {name: request.form.get(name, "") for name in ("name", "email")}
    key = request.values.get("token", request.values.get("key", ""))[:200]
    if request.method == "POST":
        sessions.count_attempt(p, "setup", guards.address())
        try:
            account = setup.first_account(p, key, email=values["email"], name=values["name"], password=request.form.get("password", ""))
            answer = go("/", toast=Toast("Welcome. This system is yours now."))
            session_cookie(
                answer,
                p.settings,
                accounts.open_session(p, account, address=guards.address(), agent=request.headers.get("User-Agent", "")[:200]),
            )
            return answer
        except Invalid as problem:
            errors, status = [(name, "", one) for name, said in problem.errors.items() for one in said], 422
        except (Conflict, BackofficeError) as problem:
            errors, status = [("", "", problem.detail)], problem.status
    page = Plain(showing.shell("Set up"), {"kind": "setup", "told": "", "errors": errors, "key": key, "given": values})
    return respond("door.html", page, status=status)
