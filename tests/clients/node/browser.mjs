// A person's browser in miniature: cookies, redirects and the forms of the hosted pages.

const entities = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescape(text) {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|([a-z]+));/gi, (all, hex, dec, name) => {
    if (hex) return String.fromCodePoint(parseInt(hex, 16));
    if (dec) return String.fromCodePoint(parseInt(dec, 10));
    return entities[name.toLowerCase()] ?? all;
  });
}

function attributes(tag) {
  const out = {};
  for (const [, name, quoted, single, bare] of tag.matchAll(
    /([a-z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/gi,
  )) {
    out[name.toLowerCase()] = unescape(quoted ?? single ?? bare ?? '');
  }
  return out;
}

// The form that holds the element with this id, with its fields as a browser would send them.
function formOf(page, id) {
  for (const [, open, body] of page.html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gis)) {
    const controls = [...body.matchAll(/<(?:input|button)\b([^>]*)>/gi)].map((m) => attributes(m[1]));
    const pressed = controls.find((c) => c.id === id);
    if (!pressed) continue;
    const form = attributes(open);
    const fields = new URLSearchParams();
    for (const control of controls) {
      const isButton = control.type === 'submit' || control.type === 'button';
      const unchecked =
        (control.type === 'checkbox' || control.type === 'radio') && !('checked' in control);
      if (control.name && !unchecked && (!isButton || control === pressed)) {
        fields.append(control.name, control.value ?? '');
      }
    }
    const named = (wanted) => controls.find((c) => c.id === wanted)?.name;
    return { action: new URL(form.action || page.url, page.url), fields, named };
  }
  throw new Error(`${page.url} has no form with #${id}:\n${page.html}`);
}

export class Browser {
  #cookies = new Map();

  // Visits a page, and goes on until it is not redirected any more or leaves the provider.
  // Gives { url, html }, or { left } with the address that lies elsewhere.
  async visit(url, init = {}) {
    const origin = new URL(url).origin;
    for (let hops = 0; hops < 10; hops += 1) {
      const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await fetch(url, {
        ...init,
        redirect: 'manual',
        headers: { ...(cookie && { cookie }), ...(init.body && { origin }) },
        signal: AbortSignal.timeout(30_000),
      });
      for (const line of answer.headers.getSetCookie()) this.#keep(line);
      const location = answer.headers.get('location');
      if (answer.status < 300 || answer.status > 399 || !location) {
        const html = await answer.text();
        if (!answer.ok) throw new Error(`${url} answered ${answer.status}:\n${html}`);
        return { url: String(url), html };
      }
      await answer.body?.cancel();
      url = new URL(location, url);
      if (url.origin !== origin) return { left: url };
      if (answer.status !== 307 && answer.status !== 308) init = {};
    }
    throw new Error(`too many redirects at ${url}`);
  }

  // Fills fields, by id, and presses a button.
  async press(page, button, values = {}) {
    if (page.left) throw new Error(`already left for ${page.left}`);
    const form = formOf(page, button);
    for (const [id, value] of Object.entries(values)) {
      const name = form.named(id);
      if (!name) throw new Error(`${page.url} has no field #${id}`);
      form.fields.set(name, value);
    }
    return this.visit(form.action, { method: 'POST', body: form.fields });
  }

  // Signs in, allows what is asked, and gives the address that the application is called back at.
  async authorize(url, email, password) {
    let page = await this.visit(url);
    if (!page.left && page.html.includes('id="sign-in"')) {
      page = await this.press(page, 'sign-in', { email, password });
    }
    if (!page.left && page.html.includes('id="allow"')) page = await this.press(page, 'allow');
    if (!page.left) throw new Error(`stuck at ${page.url}:\n${page.html}`);
    return page.left;
  }

  #keep(line) {
    const [pair, ...rest] = line.split(';');
    const at = pair.indexOf('=');
    const name = pair.slice(0, at).trim();
    const gone = rest.some((a) => /^\s*max-age\s*=\s*(0|-\d+)\s*$/i.test(a));
    if (gone) this.#cookies.delete(name);
    else this.#cookies.set(name, pair.slice(at + 1).trim());
  }
}
