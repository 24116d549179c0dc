// A browser without a screen, as visitor.py is: it does what the pages ask and stops where one leaves the server.

import http from "node:http";

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function plain(text) {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, number, name) =>
    hex ? String.fromCodePoint(parseInt(hex, 16)) : number ? String.fromCodePoint(Number(number)) : (ENTITIES[name] ?? whole),
  );
}

function attributes(tag) {
  const found = {};
  for (const [, name, , quoted, single, bare] of tag.matchAll(/\s([\w-]+)(\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?/g))
    found[name.toLowerCase()] = plain(quoted ?? single ?? bare ?? "");
  return found;
}

function forms(html) {
  return [...html.matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/gi)].map(([whole]) => {
    const head = attributes(whole.match(/^<form\b[^>]*/i)[0]);
    const form = { action: head.action ?? "", fields: {}, names: new Set() };
    for (const [tag, kind] of whole.matchAll(/<(input|button)\b[^>]*/gi)) {
      const found = attributes(tag);
      if (!found.name) continue;
      form.names.add(found.name);
      if (kind.toLowerCase() === "input" && found.type !== "submit") form.fields[found.name] = found.value ?? "";
    }
    return form;
  });
}

export class Visitor {
  cookies = new Map();

  open(url) {
    return this.#go("GET", url, undefined, { "Sec-Fetch-Site": "cross-site" });
  }

  submit(page, form, fields) {
    const body = new URLSearchParams({ ...form.fields, ...fields }).toString();
    const more = { Origin: page.url.origin, "Sec-Fetch-Site": "same-origin", Referer: page.url.href };
    return this.#go("POST", new URL(form.action, page.url), body, more);
  }

  async #go(method, address, body, headers) {
    let url = new URL(address);
    for (let hops = 0; hops < 12; hops += 1) {
      const { status, headers: told, text } = await this.#ask(method, url, body, headers);
      const page = { url, status, headers: told, text, forms: forms(text), left: undefined };
      const on = text.match(/<meta http-equiv="refresh" content="0;url=([^"]*)"/i);
      const target = status > 299 && status < 400 ? told.location : on && plain(on[1]);
      if (!target) return page;
      const to = new URL(target, url);
      if (to.origin !== url.origin) return { ...page, left: to };
      [method, body, url] = ["GET", undefined, to];
    }
    throw new Error(`redirected without end, at last to ${url}`);
  }

  #ask(method, url, body, headers) {
    const sent = { "User-Agent": "visitor", Accept: "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", ...headers };
    if (method === "GET") delete sent.Origin;
    if (body !== undefined) {
      sent["Content-Type"] = "application/x-www-form-urlencoded";
      sent["Content-Length"] = Buffer.byteLength(body);
    }
    if (this.cookies.size) sent.Cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    return new Promise((resolve, reject) => {
      const request = http.request(url, { method, headers: sent, agent: false }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part) => (text += part));
        answer.on("end", () => {
          for (const line of answer.headers["set-cookie"] ?? []) {
            const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
            if (value === "" || /;\s*max-age=0/i.test(line)) this.cookies.delete(name);
            else this.cookies.set(name, value);
          }
          resolve({ status: answer.statusCode, headers: answer.headers, text });
        });
      });
      request.on("error", reject).end(body);
    });
  }
}

// Goes to `url` and does what the pages ask until nothing is asked any more: the last page, and what was asked.
export async function arrive(visitor, url, { email, password, decision = "allow" } = {}) {
  const asked = [];
  let page = await visitor.open(url);
  const next = (...names) => page.forms.find((form) => names.every((name) => form.names.has(name)));
  for (;;) {
    let form;
    if (page.left) break;
    if ((form = next("username", "password")) && email && !asked.includes("sign-in")) {
      asked.push("sign-in");
      page = await visitor.submit(page, form, { username: email, password });
    } else if ((form = next("user_code")) && !next("decision") && !asked.includes("user-code")) {
      asked.push("user-code");
      page = await visitor.submit(page, form, {});
    } else if ((form = next("decision")) && !asked.includes("decision")) {
      asked.push("decision");
      page = await visitor.submit(page, form, { decision });
    } else break;
  }
  return { page, asked };
}
