"use strict";
// Tabs show one panel of their group; ticks hide a line; tooltips work under a finger too.
document.querySelectorAll(".tabs").forEach((tabs) => {
  const buttons = [...tabs.querySelectorAll("button")];
  const show = (chosen) => buttons.forEach((b) => {
    b.setAttribute("aria-pressed", String(b === chosen));
    document.getElementById(b.dataset.shows).hidden = b !== chosen;
  });
  buttons.forEach((b) => b.addEventListener("click", () => show(b)));
  if (buttons.length) show(buttons[0]);
});
document.querySelectorAll("input[data-hides]").forEach((input) => input.addEventListener("change", () => {
  document.getElementById(input.dataset.of).classList.toggle("hide-" + input.dataset.hides, !input.checked);
}));
let tip = null;
const hideTip = () => { if (tip) { tip.remove(); tip = null; } };
document.addEventListener("pointerover", (event) => {
  hideTip();
  const target = event.target.closest && event.target.closest("svg [data-tip]");
  if (!target) return;
  tip = document.createElement("div");
  tip.className = "tip";
  tip.textContent = target.dataset.tip;
  document.body.append(tip);
  const box = target.getBoundingClientRect();
  tip.style.left = Math.max(6, Math.min(innerWidth - tip.offsetWidth - 6, box.left + box.width / 2 - tip.offsetWidth / 2)) + "px";
  tip.style.top = Math.max(6, box.top - tip.offsetHeight - 8) + "px";
});
document.addEventListener("scroll", hideTip, true);
