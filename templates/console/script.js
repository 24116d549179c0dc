// Conveniences of the console. Every page works without them.
"use strict";
(() => {
  const each = (selector, root, work) => root.querySelectorAll(selector).forEach(work);

  // The reader's languages, unless the browser has one that it does not know itself.
  let languages = navigator.languages;
  try {
    Intl.getCanonicalLocales(languages);
  } catch { languages = undefined; }

  // Numbers as the reader's language writes them, with the decimals that they have.
  const localizeNumber = (data) => {
    const digits = (data.value.split(".")[1] ?? "").length;
    const style = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    data.textContent = new Intl.NumberFormat(languages, style).format(data.value);
  };

  // Times in the reader's zone, with the exact one on hover.
  const style = { dateStyle: "medium", timeStyle: "short" };
  let format = new Intl.DateTimeFormat(languages, style);
  try {
    const timeZone = document.documentElement.dataset.zone;
    if (timeZone) format = new Intl.DateTimeFormat(languages, { ...style, timeZone });
  } catch { /* The browser does not know the chosen zone: its own stays. */ }
  const localize = (time) => {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.textContent = format.format(at);
  };

  const showCopy = (button) => {
    if (navigator.clipboard) button.hidden = false;
  };

  const addShowPassword = (field) => {
    if (field.dataset.shown) return;
    field.dataset.shown = "no";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet small show";
    button.textContent = "Show";
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-controls", field.id);
    if (field.labels.length) button.setAttribute("aria-label", "Show " + field.labels[0].textContent);
    button.addEventListener("click", () => {
      const shown = field.type === "password";
      field.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
    });
    field.after(button);
  };

  // The zones that the server did not offer.
  const addZones = (select) => {
    const known = new Set([...select.options].map((option) => option.value));
    const more = Intl.supportedValuesOf?.("timeZone") ?? [];
    more.filter((zone) => !known.has(zone)).forEach((zone) => select.add(new Option(zone, zone)));
  };

  const prepare = (root) => {
    each("time[datetime]", root, localize);
    each("data[value]", root, localizeNumber);
    each("button.copy", root, showCopy);
    each("input[type=password]", root, addShowPassword);
    each("select#zone", root, addZones);
    each("[data-script]", root, (element) => { element.hidden = false; });
    each("[data-no-script]", root, (element) => { element.hidden = true; });
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button.copy");
    if (!button) return;
    const from = document.getElementById(button.dataset.copy);
    const lines = [...from.querySelectorAll("li")].map((line) => line.textContent);
    await navigator.clipboard.writeText(from.value ?? (lines.length ? lines.join("\n") : from.textContent));
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });

  // One checkbox selects all rows of its table.
  document.addEventListener("change", (event) => {
    if (!event.target.matches("input[data-all]")) return;
    each("input[name=" + event.target.dataset.all + "]", event.target.closest("form, table"), (box) => {
      box.checked = event.target.checked;
    });
  });

  // A field shows only the rows of a table that contain its text.
  document.addEventListener("input", (event) => {
    const table = document.getElementById(event.target.dataset.rows ?? "");
    if (!table) return;
    const text = event.target.value.trim().toLowerCase();
    each("tbody tr", table, (row) => { row.hidden = !row.textContent.toLowerCase().includes(text); });
  });

  // `/` goes to the search, Escape leaves it, and the arrows walk through what it found.
  document.addEventListener("keydown", (event) => {
    const find = document.getElementById("find");
    if (!find) return;
    const found = [...document.querySelectorAll("#found a")];
    const place = found.indexOf(document.activeElement);
    const typing = event.target.matches("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      find.focus();
      find.select();
    } else if (event.key === "Escape" && (event.target === find || place >= 0)) {
      find.value = "";
      document.getElementById("found").textContent = "";
      find.blur();
    } else if (event.key === "ArrowDown" && found.length && (event.target === find || place >= 0)) {
      event.preventDefault();
      found[Math.min(place + 1, found.length - 1)].focus();
    } else if (event.key === "ArrowUp" && place >= 0) {
      event.preventDefault();
      (place === 0 ? find : found[place - 1]).focus();
    }
  });

  // A session that has ended, and a page that asks who it is, lead to another page.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const to = new URL(event.detail.xhr.responseURL || location.href);
    if (/\/auth\/(sign-in|account\/confirm)(\/|$)/.test(to.pathname)) {
      event.detail.shouldSwap = false;
      location.assign(to.href);
    }
  });
  document.addEventListener("htmx:afterSettle", (event) => prepare(event.detail.elt.parentElement ?? document));
  prepare(document);
  // On a narrow screen the parts of the console are one line, which may be wider than the screen.
  document.querySelector(".parts [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
})();
