"""A visit: a page in a browser, and all that went wrong or elsewhere while it was open."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, ConsoleMessage

WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.effectiveDirective}: ${event.blockedURI}`));
"""
PATIENCE = 120_000
"""Milliseconds that a busy machine may take for a step."""


class Visit:
    """One page that is watched from before its first request."""

    def __init__(self, context: BrowserContext) -> None:
        context.set_default_timeout(PATIENCE)
        context.add_init_script(WATCH)
        self.page = context.new_page()
        self.requested: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("requestfailed", lambda request: self.errors.append(f"failed: {request.url}"))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._console)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def violations(self) -> list[str]:
        """What the page's Content-Security-Policy has blocked."""
        found: list[str] = self.page.evaluate("window.violations")
        return found
