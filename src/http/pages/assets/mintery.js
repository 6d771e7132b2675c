// Conveniences. Every page works without this script.
"use strict";

const all = (selector) => document.querySelectorAll(selector);

// Copy buttons: shown only where they work.
const say = (text) => {
  const status = document.getElementById("status");
  if (status) status.textContent = text;
};
for (const button of all("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    if (!source) return;
    let copied = false;
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      copied = true;
    } catch {
      // Without a secure context, select the text instead.
      const range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      copied = document.execCommand("copy");
    }
    const label = button.textContent;
    button.textContent = copied ? "Copied" : "Press Ctrl+C";
    say(copied ? "Copied to the clipboard" : "Selected: press Ctrl+C to copy it");
    if (copied && source.hasAttribute("data-secret")) kept = true;
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

// A page with a secret asks for confirmation when left before copying, and erases the secret from the browser's page cache.
const secrets = all("[data-secret]");
let kept = secrets.length === 0;
for (const way of all("[data-kept]")) way.addEventListener(way.tagName === "FORM" ? "submit" : "click", () => { kept = true; });
addEventListener("beforeunload", (event) => { if (!kept) event.preventDefault(); });
addEventListener("pagehide", () => {
  for (const secret of secrets) secret.textContent = "This was shown once.";
});

// A page that waits for a result refreshes itself, until the user stops it.
const waiting = document.querySelector("[data-look-again]");
if (waiting) {
  const box = waiting.querySelector("input");
  waiting.hidden = false;
  box.checked = sessionStorage.getItem("look-again") !== "no";
  box.addEventListener("change", () => sessionStorage.setItem("look-again", box.checked ? "yes" : "no"));
  setInterval(() => { if (box.checked && !document.hidden) location.reload(); }, Number(waiting.dataset.lookAgain) * 1000);
}

// Shows a field only for the choice that needs it.
for (const select of all("select[data-shows]")) {
  const other = document.getElementById(select.dataset.shows);
  const show = () => { if (other) other.hidden = select.value !== select.dataset.when; };
  select.addEventListener("change", show);
  show();
}

// Describes the current choice.
for (const select of all("select[data-tells]")) {
  const place = document.getElementById(select.dataset.tells);
  const tell = () => {
    const text = select.selectedOptions[0]?.dataset.tells;
    if (place) place.textContent = text ? `Its scopes: ${text}` : "";
  };
  select.addEventListener("change", tell);
  tell();
}

// A form is sent once per click.
for (const form of all("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 5000);
  });
}

// Keeps the current section visible in a navigation wider than the screen.
document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// Dates in the reader's time zone, on hover.
for (const time of all("time[datetime]")) {
  const date = new Date(time.dateTime);
  if (!Number.isNaN(date.getTime())) time.title = date.toLocaleString();
}
