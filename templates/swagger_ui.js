// What Swagger UI lacks: it follows a change of the color scheme, its headings have an order, and the keyboard scrolls its
// examples.
"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", follow);
  follow();

  // Below its h1 come h3 and deeper ones.
  const mend = () => {
    document.querySelectorAll("h3, h4, h5, h6").forEach((heading) => {
      heading.setAttribute("aria-level", String(Number(heading.tagName[1]) - 1));
    });
    document.querySelectorAll(".microlight, .body-param__example").forEach((example) => { example.tabIndex = 0; });
  };
  new MutationObserver(mend).observe(document.documentElement, { childList: true, subtree: true });
})();
