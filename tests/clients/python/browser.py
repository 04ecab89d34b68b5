"""A person's browser in miniature: redirects and the forms of the hosted pages."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests


def origin(url):
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


class Forms(HTMLParser):
    """Collects the forms of a page, each with its inputs and buttons."""

    def __init__(self, html):
        super().__init__()
        self.forms = []
        self.inside = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "form":
            self.forms.append((dict(attrs), []))
            self.inside = True
        elif self.inside and tag in ("input", "button"):
            self.forms[-1][1].append(dict(attrs))

    def handle_endtag(self, tag):
        if tag == "form":
            self.inside = False


class Page:
    """Where the browser stands: at `html` of the provider, or `left` for somewhere else."""

    def __init__(self, url, html=None, left=None):
        self.url, self.html, self.left = url, html or "", left


class Browser:
    def __init__(self):
        self.session = requests.Session()

    def visit(self, url, method="GET", data=None):
        home = origin(url)
        for _ in range(10):
            headers = {"Origin": "%s://%s" % home} if data else {}
            answer = self.session.request(
                method, url, data=data, headers=headers, allow_redirects=False, timeout=30
            )
            if not answer.is_redirect:
                if not answer.ok:
                    raise AssertionError(f"{url} answered {answer.status_code}:\n{answer.text}")
                return Page(url, html=answer.text)
            url = urljoin(url, answer.headers["Location"])
            if origin(url) != home:
                return Page(url, left=url)
            if answer.status_code not in (307, 308):
                method, data = "GET", None
        raise AssertionError(f"too many redirects at {url}")

    def press(self, page, button, **values):
        """Fills fields, by id, and presses a button."""
        for form, controls in Forms(page.html).forms:
            if any(c.get("id") == button for c in controls):
                break
        else:
            raise AssertionError(f"{page.url} has no form with #{button}:\n{page.html}")
        data = []
        for control in controls:
            kind, name = control.get("type"), control.get("name")
            is_button = kind in ("submit", "button")
            unchecked = kind in ("checkbox", "radio") and "checked" not in control
            if not name or unchecked or (is_button and control.get("id") != button):
                continue
            data.append((name, values.pop(control.get("id"), control.get("value") or "")))
        assert not values, f"{page.url} has no fields {list(values)}"
        return self.visit(urljoin(page.url, form.get("action") or page.url), "POST", data)

    def authorize(self, url, email, password):
        """Signs in, allows what is asked; gives the address that the application is called at."""
        page = self.visit(url)
        if not page.left and 'id="sign-in"' in page.html:
            page = self.press(page, "sign-in", email=email, password=password)
        if not page.left and 'id="allow"' in page.html:
            page = self.press(page, "allow")
        assert page.left, f"stuck at {page.url}:\n{page.html}"
        return page.left
