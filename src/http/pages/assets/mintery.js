// What is nicer with a script. Every page works without.
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
      // Without a secure context there is only the selection.
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

// A page with a secret: whoever leaves without having it is asked, and a page that the browser keeps does not hold it.
const secrets = all("[data-secret]");
let kept = secrets.length === 0;
for (const way of all("[data-kept]")) way.addEventListener(way.tagName === "FORM" ? "submit" : "click", () => { kept = true; });
addEventListener("beforeunload", (event) => { if (!kept) event.preventDefault(); });
addEventListener("pagehide", () => {
  for (const secret of secrets) secret.textContent = "This was shown once.";
});

// A page that waits for something looks again, until somebody says stop.
const waiting = document.querySelector("[data-look-again]");
if (waiting) {
  const box = waiting.querySelector("input");
  waiting.hidden = false;
  box.checked = sessionStorage.getItem("look-again") !== "no";
  box.addEventListener("change", () => sessionStorage.setItem("look-again", box.checked ? "yes" : "no"));
  setInterval(() => { if (box.checked && !document.hidden) location.reload(); }, Number(waiting.dataset.lookAgain) * 1000);
}

// A choice that needs another field shows it only then.
for (const select of all("select[data-shows]")) {
  const other = document.getElementById(select.dataset.shows);
  const show = () => { if (other) other.hidden = select.value !== select.dataset.when; };
  select.addEventListener("change", show);
  show();
}

// What goes with a choice is told where it is made.
for (const select of all("select[data-tells]")) {
  const place = document.getElementById(select.dataset.tells);
  const tell = () => {
    const text = select.selectedOptions[0]?.dataset.tells;
    if (place) place.textContent = text ? `Its scopes: ${text}` : "";
  };
  select.addEventListener("change", tell);
  tell();
}

// One click is one request.
for (const form of all("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 5000);
  });
}

// Where the way around is wider than the screen, where one is stays in sight.
document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// Dates in the reader's own time zone, on demand.
for (const time of all("time[datetime]")) {
  const date = new Date(time.dateTime);
  if (!Number.isNaN(date.getTime())) time.title = date.toLocaleString();
}
