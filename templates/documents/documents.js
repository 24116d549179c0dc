// What Swagger UI lacks: it follows a change of the color scheme, and its headings have an order.
"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", follow);
  follow();

  // Below its h1 come h3 and deeper ones.
  const order = () => document.querySelectorAll("h3, h4, h5, h6").forEach((heading) => {
    const level = String(Number(heading.tagName[1]) - 1);
    if (heading.getAttribute("aria-level") !== level) heading.setAttribute("aria-level", level);
  });
  new MutationObserver(order).observe(document.documentElement, { childList: true, subtree: true });
})();
