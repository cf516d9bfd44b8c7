/* Backoffice: what makes pages quicker. Everything here shortens something that works without it. */
"use strict";
(() => {
const $ = (q, at = document) => at.querySelector(q), $$ = (q, at = document) => [...at.querySelectorAll(q)];
const csrf = () => $('meta[name="csrf"]').content;
const root = document.documentElement;
const typing = e => e.target.closest && e.target.closest("input:not([type=checkbox]):not([type=radio]),textarea,select,[contenteditable]");
const el = (tag, attrs = {}, ...kids) => { const n = document.createElement(tag); for (const [k, v] of Object.entries(attrs)) k === "text" ? n.textContent = v : n.setAttribute(k, v); n.append(...kids); return n; };
document.body.classList.remove("nojs");

/* toasts and announcements */
const say = text => { $("#live").textContent = ""; setTimeout(() => { $("#live").textContent = text; }, 30); };
function age(node) {
  if (node.dataset.aged) return; node.dataset.aged = "1";
  if (!node.classList.contains("bad")) { let t = setTimeout(() => node.remove(), 9000); node.addEventListener("pointerenter", () => clearTimeout(t)); node.addEventListener("focusin", () => clearTimeout(t)); }
  else { const b = el("button", { class: "btn small", type: "button", text: "Close" }); b.onclick = () => node.remove(); node.append(b); }
}
function toast({ text, undo, bad }) {
  const node = el("div", { class: "toast" + (bad ? " bad" : ""), "data-toast": "" }, el("span", { text }));
  if (undo) {
    const f = el("form", { method: "post", action: "/undo/" + undo }, el("input", { type: "hidden", name: "csrf_token", value: csrf() }), el("button", { class: "btn small", "data-undo": "", text: "Undo" }));
    node.append(f);
  }
  $("#toasts").append(node); age(node); if (bad) $("#alert").textContent = text;
  while ($$("#toasts .toast").length > 4) $("#toasts .toast").remove();
}
$$("#toasts .toast").forEach(age);
document.body.addEventListener("ops:toast", e => toast(e.detail));
document.body.addEventListener("ops:focus", e => { const n = document.getElementById(e.detail.value || e.detail); if (n) n.focus(); });
document.body.addEventListener("ops:close", () => $("#modal").close());
document.body.addEventListener("ops:login", () => login());

/* offline: say so, send nothing, keep what was typed */
const OFFLINE = "You are offline. What you typed stays on this page; nothing is sent until the connection is back.";
function line() {
  const n = $("#offline"); if (navigator.onLine) { if (n) { n.remove(); say("The connection is back."); $$("form[data-draft]").forEach(f => dirty(f.elements[0])); } }
  else if (!n) $("main").prepend(el("p", { id: "offline", class: "banner warn", role: "status", text: OFFLINE }));
}
["online", "offline"].forEach(one => window.addEventListener(one, line));
["submit", "click"].forEach(one => document.addEventListener(one, e => { if (navigator.onLine || (one === "click" && !e.target.closest('a[href]:not([href^="#"])'))) return; e.preventDefault(); e.stopImmediatePropagation(); line(); say(OFFLINE); }, true));

/* htmx: the token, busy marks, errors */
document.body.addEventListener("htmx:configRequest", e => { e.detail.headers["X-CSRF-Token"] = csrf(); });
let waiting = 0;
document.body.addEventListener("htmx:beforeRequest", () => { waiting++; document.body.classList.add("busy"); });
document.body.addEventListener("htmx:afterRequest", () => { if (--waiting <= 0) { waiting = 0; document.body.classList.remove("busy"); } });
document.body.addEventListener("htmx:responseError", e => { if (e.detail.xhr.status !== 401 && !e.detail.xhr.getResponseHeader("HX-Trigger")) toast({ text: "That did not work (" + e.detail.xhr.status + "). Nothing was changed.", bad: true }); });
document.body.addEventListener("htmx:sendError", () => toast({ text: "The server cannot be reached. What you typed is still here.", bad: true }));
document.body.addEventListener("htmx:beforeSwap", e => { if (e.detail.target && e.detail.target.id === "list" && e.detail.serverResponse && !/id="list"/.test(e.detail.serverResponse)) e.detail.shouldSwap = false; });
document.body.addEventListener("htmx:afterSettle", e => { ready(e.target); if (e.target.id === "list" || $("#list", e.target)) { const t = $("#total"); if (t) say(t.textContent); } });

/* session lost: sign in in a dialog, then go on */
let lost = false;
function login(then) {
  const d = $("#modal");
  fetch("/login?next=/", { headers: { Accept: "text/html" } }).then(r => r.text()).then(html => {
    const page = new DOMParser().parseFromString(html, "text/html"), form = page.querySelector("#login-form");
    if (!form) return location.assign("/login");
    form.classList.add("in"); d.replaceChildren(el("div", { class: "in stack" }, el("h2", { text: "Your session has ended" }), el("p", { text: "Sign in again. What you typed stays." }), form)); d.showModal();
    form.addEventListener("submit", ev => {
      ev.preventDefault();
      fetch("/login", { method: "POST", body: new URLSearchParams(new FormData(form)) }).then(r => {
        if (!r.ok || r.url.includes("/login")) { $("#alert").textContent = "The mail address or the password is not right."; form.prepend(el("p", { class: "error", text: "The mail address or the password is not right." })); return null; }
        return r.text();
      }).then(text => {
        if (!text) return;
        const token = new DOMParser().parseFromString(text, "text/html").querySelector('meta[name="csrf"]').content;
        $('meta[name="csrf"]').content = token; $$('input[name="csrf_token"]').forEach(i => { i.value = token; });
        d.close(); lost = false; if (then) then(); else toast({ text: "Signed in again. Send it once more." });
      });
    });
  });
}

/* look: theme, density, rail live in one cookie, so that pages come right at once */
function look() {
  const parts = [root.dataset.theme, root.dataset.density, "rail" in root.dataset ? "rail" : ""].filter(Boolean);
  document.cookie = "look=" + parts.join(".") + ";path=/;max-age=31536000;samesite=lax";
}
const turn = (name, values) => { const at = values.indexOf(root.dataset[name] || ""), to = values[(at + 1) % values.length]; if (to) root.dataset[name] = to; else delete root.dataset[name]; look(); toast({ text: (name === "theme" ? "Theme: " : "Density: ") + (to || (name === "theme" ? "as the system" : "usual")) }); };
const theme = () => turn("theme", ["", "light", "dark"]), density = () => turn("density", ["", "compact", "relaxed"]);
const rail = () => { if ("rail" in root.dataset) delete root.dataset.rail; else root.dataset.rail = ""; look(); };

/* popovers stand at their buttons */
document.addEventListener("toggle", e => {
  const p = e.target; if (!p.popover) return;
  if (e.newState !== "open") return;
  const b = p.anchorButton || $(`[popovertarget="${p.id}"]`); if (b) place(p, b);
  const first = $("input:not([type=hidden]),select,a,button", p); if (first && p.contains(document.activeElement) === false && !p.matches("#me,#new-menu")) first.focus({ preventScroll: true });
}, true);
function place(p, b) {
  const r = b.getBoundingClientRect(), w = p.offsetWidth, h = p.offsetHeight;
  const left = Math.max(8, Math.min(r.left, innerWidth - w - 8)), below = r.bottom + 4;
  p.style.left = (r.right > innerWidth * .7 ? Math.max(8, r.right - w) : left) + "px";
  p.style.top = (below + h > innerHeight - 8 ? Math.max(8, r.top - h - 4) : below) + "px";
}
document.addEventListener("htmx:afterSwap", e => { const p = e.target.closest && e.target.closest("[popover]"); if (p && p.matches(":popover-open")) { const b = p.anchorButton || $(`[popovertarget="${p.id}"]`); if (b) place(p, b); } });

/* row menus */
function rowmenu(a, key) {
  let p = $("#rowmenu"); if (p) p.remove();
  p = el("div", { id: "rowmenu", popover: "auto", class: "menu" }); document.body.append(p); p.anchorButton = a;
  fetch(a.href, { headers: { "HX-Request": "true" } }).then(r => r.ok ? r.text() : "").then(html => {
    if (!html) return location.assign(a.href);
    const got = new DOMParser().parseFromString(html, "text/html"); p.replaceChildren(...got.body.childNodes); $$("form", p).forEach(f => f.append(el("input", { type: "hidden", name: "_back", value: location.pathname + location.search })));
    if (key) { const hit = $(`[data-key="${CSS.escape(key)}"]`, p), why = !hit && "This record has no action on the key “" + key + "” now. m shows what it has."; return hit ? hit.click() : toast({ text: why }); }
    p.showPopover(); place(p, a); const f = $("a,button", p); if (f) f.focus();
  });
}

/* the list: a cursor, a selection */
const rows = () => $$("[data-rows] tbody tr");
let last = null;
let wander = 0;
function cursor(tr) { if (peeking() && $("#peek").dataset.id !== tr.dataset.id) { clearTimeout(wander); wander = setTimeout(() => { if (peeking()) peek(tr); }, 150); } rows().forEach(r => r.tabIndex = -1); tr.tabIndex = 0; tr.focus({ preventScroll: false }); tr.scrollIntoView({ block: "nearest" }); }
function step(by) { const all = rows(); if (!all.length) return; const at = all.indexOf(document.activeElement.closest ? document.activeElement.closest("tr") : null); cursor(all[Math.max(0, Math.min(all.length - 1, at + by))] || all[0]); }
const box = tr => $('input[name="id"]', tr);
function mark(tr, on) { const b = box(tr); if (b) { b.checked = on; tr.classList.toggle("sel", on); } }
function count() {
  const bar = $("[data-bulk]"); if (!bar) return;
  const n = rows().filter(r => box(r) && box(r).checked).length;
  bar.hidden = !n; $("[data-count]", bar).textContent = n;
  const all = $("[data-all]"); if (all) { all.checked = n && n === rows().length; all.indeterminate = n && n < rows().length; }
}
function range(tr) { const all = rows(), a = all.indexOf(last), b = all.indexOf(tr); if (a < 0) return; const on = box(all[a]).checked; all.slice(Math.min(a, b), Math.max(a, b) + 1).forEach(r => mark(r, on)); }
document.addEventListener("change", e => {
  if (e.target.matches("[data-all]")) { rows().forEach(r => mark(r, e.target.checked)); count(); }
  else if (e.target.matches('[data-rows] input[name="id"]')) { const tr = e.target.closest("tr"); mark(tr, e.target.checked); last = tr; count(); }
});
function clear() { rows().forEach(r => mark(r, false)); const all = $('[data-bulk] [name="all"]'); if (all) all.checked = false; count(); }

/* clicks */
document.addEventListener("click", e => {
  const t = e.target;
  const menu = t.closest("[data-menu]"); if (menu && !e.ctrlKey && !e.metaKey) { e.preventDefault(); return rowmenu(menu); }
  if (t.closest("[data-palette]") && !e.ctrlKey && !e.metaKey) { e.preventDefault(); return palette(); }
  if (t.closest("button[data-rail]")) return rail();
  if (t.closest("[data-theme-next]")) return theme();
  if (t.closest("[data-density-next]")) return density();
  if (t.closest("[data-keys]")) return keys();
  if (t.closest("[data-back]")) return history.back();
  if (t.closest("[data-peek-close]")) { e.preventDefault(); return unpeek(); }
  if (t.closest("[data-quick-close]")) return $("#quickbox").close();
  const beside = t.closest('[data-action="peek"]'); if (beside && $("#peek")) { const r = document.getElementById("r" + new URL(beside.href).searchParams.get("peek")); if (r) { e.preventDefault(); beside.closest("[popover]") && beside.closest("[popover]").hidePopover(); if (!(peeking() && $("#peek").dataset.id === r.dataset.id)) peek(r); return; } }
  if (t.closest("[data-clear]")) return clear();
  if (t.closest("[data-more]")) return $("#nav").classList.toggle("open");
  if (!t.closest("#nav")) $("#nav") && $("#nav").classList.remove("open");
  const copy = t.closest("[data-copy]"); if (copy) return put(copy.dataset.copy);
  const act = t.closest('[data-action="copy-link"]'); if (act) { e.preventDefault(); return put(act.href); }
  const print = t.closest('[data-action="print"]'); if (print && location.pathname === new URL(print.href).pathname) { e.preventDefault(); return window.print(); }
  const sel = t.closest('[data-rows] input[name="id"]'); if (sel && e.shiftKey && last) { range(sel.closest("tr")); return count(); }
  const tr = t.closest("[data-rows] tbody tr"); if (tr && !t.closest("a,button,input,label") && !getSelection().toString()) { const a = $(".main a", tr); if (a) e.metaKey || e.ctrlKey ? open(a.href) : a.click(); return; }
  const add = t.closest("[data-line-add]"); if (add) return addline(add.closest("[data-lines]"));
  const drop = t.closest("[data-line-drop]"); if (drop) { const b = drop.closest("[data-lines]"); drop.closest("[data-line]").remove(); dirty(b); $("[data-line-add]", b).focus(); return; }
  const chip = t.closest("[data-drop]"); if (chip) { const b = chip.closest(".pick"); chip.closest(".chip").remove(); dirty(b); return; }
  const tab = t.closest("[data-tabs] [role=tab]"); if (tab) return pane(tab);
  const take = t.closest("[data-draft-take]"); if (take) return restore(take);
  const err = t.closest(".summary a[href^='#']"); if (err) { const n = document.getElementById(err.hash.slice(1)); if (n) { e.preventDefault(); const p = n.closest("[data-pane]"); if (p) pane($(`[aria-controls="${p.id}"]`)); const d = n.closest("details"); if (d) d.open = true; (n.pickBox || n).focus(); } }
});
let dots = 0, dotted = 0;
function put(text) { navigator.clipboard && navigator.clipboard.writeText(text).then(() => toast({ text: "Copied: " + text })); }
function copykey() {
  const k = $("[data-copy]"), t = $("[data-title]"); if (!k) return;
  dots = Date.now() - dotted < 800 ? dots + 1 : 1; dotted = Date.now();
  put(dots === 1 ? k.dataset.copy : dots === 2 ? k.dataset.copy + " " + (t ? t.textContent : "") : location.href.split("#")[0]);
}

/* conditions: the server says what shows; pickers and lines stay as they are */
let asking = 0, asked = 0;
document.addEventListener("change", e => {
  const at = e.target.closest && e.target.closest("[data-partial]"), f = at && at.closest("form"); if (!f) return;
  clearTimeout(asking); const n = ++asked;
  asking = setTimeout(() => {
    const body = new FormData(f); [...body.keys()].forEach(k => { if (body.get(k) instanceof File) body.delete(k); });
    fetch(at.dataset.partial, { method: "POST", body, headers: { "X-CSRF-Token": csrf(), "HX-Request": "true" } }).then(r => { if (r.status === 401) login(); return r.ok ? r.text() : ""; }).then(html => {
      if (!html || n !== asked) return;
      const got = new DOMParser().parseFromString(html, "text/html"), fresh = at.closest("dialog") ? $("#q-fields", renamed(got.body)) : got.getElementById("fields"); if (!fresh) return;
      const open_ = $("[data-tabs] [aria-selected=true]", at), name = open_ && open_.id;
      Idiomorph.morph(at, fresh, { ignoreActiveValue: true, callbacks: { beforeNodeMorphed: (old, now) => { if (!old.matches) return true; if (old.matches(".field:has(.richedit)")) { old.hidden = now.hidden; return false; } return !old.matches(".pick,[data-lines],[type=file]"); } } });
      if (name && document.getElementById(name)) pane(document.getElementById(name), true);
      ready(at);
    }).catch(() => 0);
  }, 50);
});

/* tabs of a form */
function pane(tab, still) {
  if (!tab) return;
  $$("[role=tab]", tab.parentNode).forEach(b => { const on = b === tab; b.setAttribute("aria-selected", on); b.tabIndex = on ? 0 : -1; const p = document.getElementById(b.getAttribute("aria-controls")); if (p) p.hidden = !on; });
  if (!still) tab.focus();
}

/* line items */
function addline(b) {
  const n = b.dataset.next++, row = $("template[data-line-new]", b).content.firstElementChild.cloneNode(true), name = b.dataset.lines;
  $$("[name],[id],[for]", row).forEach(x => ["name", "id", "for"].forEach(a => { const v = x.getAttribute(a); if (v) x.setAttribute(a, v.replace(name + "-9999-", name + "-" + n + "-")); }));
  $("tbody", b).append(row); ready(row); dirty(b); const f = $("input:not([type=hidden]),select,textarea", row); if (f) f.focus();
}

/* pickers: a hidden id, a box that searches */
function picker(b) {
  if (b.dataset.on || !b.dataset.pick) return; b.dataset.on = "1";
  const many = "many" in b.dataset, raw = $("input.input", b), id = raw.id;
  const look_ = el("input", { class: "input", id: id, autocomplete: "off", role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", placeholder: "Search…" });
  const list = el("div", { class: "opts", role: "listbox", id: id + "-opts" }); list.hidden = true;
  ["aria-invalid", "aria-describedby", "required"].forEach(a => { if (raw.hasAttribute(a)) look_.setAttribute(a, raw.getAttribute(a) || ""); });
  look_.setAttribute("aria-controls", list.id); raw.type = "hidden"; raw.removeAttribute("id"); raw.removeAttribute("required");
  if (many) raw.remove(); else look_.value = raw.dataset.title || raw.value;
  b.append(look_, list); look_.pickBox = look_; let title = look_.value, timer = 0, asked = 0;
  const shut = () => { clearTimeout(timer); ++asked; list.hidden = true; look_.setAttribute("aria-expanded", "false"); look_.removeAttribute("aria-activedescendant"); };
  const opts = () => $$('[role=option]:not([aria-disabled=true])', list);
  const show = () => {
    const q = look_.value === title ? "" : look_.value, n = ++asked;
    fetch(b.dataset.pick + "&q=" + encodeURIComponent(q), { headers: { "HX-Request": "true" } }).then(r => r.text()).then(html => {
      if (n !== asked) return;
      list.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
      if (b.dataset.quick && !b.closest("dialog")) list.append(el("div", { role: "option", "data-new": b.dataset.quick, text: "＋ New " + b.dataset.noun + "…" }));
      opts().forEach((o, i) => { o.id = list.id + i; }); list.hidden = false; look_.setAttribute("aria-expanded", "true");
      if (q) hot(opts()[0]);
    }).catch(() => 0);
  };
  const hot = o => { opts().forEach(x => x.setAttribute("aria-selected", x === o)); if (o) { look_.setAttribute("aria-activedescendant", o.id); o.scrollIntoView({ block: "nearest" }); } };
  const take = o => {
    if (!o) return;
    if (o.dataset.new) { const text = look_.value === title ? "" : look_.value; shut(); return quick(b, text, made => { take(el("div", { "data-value": made.value, text: made.title })); look_.focus(); shut(); }); }
    if (many) {
      if (!$$(`input[value="${CSS.escape(o.dataset.value)}"]`, b).length) $(".chosen", b).append(el("span", { class: "chip" }, el("input", { type: "hidden", name: b.dataset.many, value: o.dataset.value }), el("span", { text: o.textContent }), el("button", { type: "button", class: "btn quiet small icon", "data-drop": "", "aria-label": "Remove " + o.textContent, text: "×" })));
      look_.value = "";
    } else { raw.value = o.dataset.value; title = look_.value = o.textContent; }
    shut(); dirty(b); (many ? look_ : raw).dispatchEvent(new Event("change", { bubbles: true }));
  };
  look_.addEventListener("focus", () => { look_.select(); show(); });
  look_.addEventListener("input", e => { e.stopPropagation(); clearTimeout(timer); timer = setTimeout(show, 120); });
  look_.addEventListener("change", e => { if (e.target === look_ && !many) e.stopPropagation(); });
  look_.addEventListener("blur", () => setTimeout(() => { shut(); if (!many) { if (!look_.value) { if (raw.value) { raw.value = ""; title = ""; raw.dispatchEvent(new Event("change", { bubbles: true })); } } else look_.value = title; } }, 150));
  look_.addEventListener("keydown", e => {
    const all = opts(), at = all.findIndex(o => o.getAttribute("aria-selected") === "true");
    if (e.key === "ArrowDown" || e.key === "ArrowUp") { e.preventDefault(); if (list.hidden) return show(); hot(all[(at + (e.key === "ArrowDown" ? 1 : -1) + all.length) % all.length]); }
    else if (e.key === "Enter" && !list.hidden && at >= 0) { e.preventDefault(); take(all[at]); }
    else if (e.key === "Escape" && !list.hidden) { e.stopPropagation(); shut(); }
    else if (e.key === "Backspace" && many && !look_.value) { const c = $$(".chip", b).pop(); if (c) c.remove(); }
  });
  list.addEventListener("mousedown", e => { e.preventDefault(); take(e.target.closest("[role=option]:not([aria-disabled=true])")); });
}

/* drafts and leaving */
let changed = false, timer = 0, sent = false;
function dirty(at) { const f = at && at.closest && at.closest("form[data-draft]"); if (!f) return; changed = true; clearTimeout(timer); timer = setTimeout(() => keep(f), 2000); }
function keep(f) {
  const body = new URLSearchParams(); for (const [k, v] of new FormData(f)) if (typeof v === "string") body.append(k, v);
  body.set("_place", f.dataset.draft);
  fetch("/drafts", { method: "POST", body, headers: { "X-CSRF-Token": csrf() } }).then(r => { if (r.status === 401) login(); return r.ok ? r.json() : null; }).then(j => { if (j && $("#draft-status")) $("#draft-status").textContent = "Draft kept " + j.at; }).catch(() => { if ($("#draft-status")) $("#draft-status").textContent = "Not kept: the server cannot be reached"; });
}
document.addEventListener("input", e => { if (e.isTrusted) dirty(e.target); });
document.addEventListener("change", e => dirty(e.target));
document.addEventListener("submit", e => { if (lost && e.target.matches("form[data-draft],#comment-form")) { e.preventDefault(); const b = e.submitter; login(() => e.target.requestSubmit(b)); } }, true);
document.addEventListener("submit", e => { if (e.defaultPrevented) return; sent = true; const b = e.submitter; if (b && !e.defaultPrevented && e.target.method === "post") setTimeout(() => { b.setAttribute("aria-busy", "true"); }, 0); setTimeout(() => { sent = false; if (b) b.removeAttribute("aria-busy"); }, 4000); });
window.addEventListener("beforeunload", e => { if (changed && !sent && $("form[data-draft]")) { clearTimeout(timer); keep($("form[data-draft]")); } });
function restore(b) {
  fetch("/drafts?place=" + encodeURIComponent(b.dataset.draftTake)).then(r => r.json()).then(({ values }) => {
    const f = $("form[data-draft]");
    $$("[data-lines]", f).forEach(box => { const need = new Set(Object.keys(values).map(k => k.match("^" + box.dataset.lines + "-(\\d+)-")).filter(Boolean).map(m => +m[1])); [...need].sort((x, y) => x - y).forEach(n => { if (!$(`[name^="${box.dataset.lines}-${n}-"]`, box)) { box.dataset.next = n; addline(box); } }); });
    for (const [name, texts] of Object.entries(values)) {
      if (name === "_v" || name === "_multi") continue;
      const controls = $$(`[name="${CSS.escape(name)}"]`, f);
      controls.forEach((c, i) => { if (c.type === "checkbox" || c.type === "radio") c.checked = texts.includes(c.value); else if (c.type !== "file") c.value = texts[Math.min(i, texts.length - 1)]; if ("rich" in c.dataset) c.dispatchEvent(new Event("change")); });
    }
    b.closest(".banner").remove(); say("Your draft is back."); f.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

/* the board: only legal lanes take a card, dragged or moved by keys */
let card = null;
const board = () => $("[data-board]");
document.addEventListener("dragstart", e => { card = e.target.closest && e.target.closest(".kard"); if (!card) return; card.classList.add("drag"); e.dataTransfer.effectAllowed = "move"; $$(".lane").forEach(l => { if (!takes(l, card)) l.classList.add("no"); }); });
document.addEventListener("dragend", () => { $$(".lane").forEach(l => l.classList.remove("no", "drop")); if (card) card.classList.remove("drag"); card = null; });
document.addEventListener("dragover", e => { const l = card && e.target.closest(".lane"); if (l && takes(l, card)) { e.preventDefault(); $$(".lane.drop").forEach(x => x !== l && x.classList.remove("drop")); l.classList.add("drop"); } });
document.addEventListener("drop", e => { const l = card && e.target.closest(".lane"); if (l && takes(l, card)) { e.preventDefault(); putcard(card, l); } });
function targets(lane) { return board().dataset.by ? null : Object.fromEntries(lane.dataset.targets.split(" ").filter(Boolean).map(p => p.split(":").reverse())); }
function takes(lane, k) { const from = k.closest(".lane"), legal = targets(from); return k.draggable && lane !== from && (legal ? lane.dataset.value in legal : "value" in lane.dataset); }
function putcard(k, lane) {
  const from = k.parentNode, next = k.nextSibling, legal = targets(k.closest(".lane")), url = board().dataset.board + "/" + k.dataset.id;
  const there = legal ? url + "/move/" + legal[lane.dataset.value] : url + "/set/" + board().dataset.by;
  const body = new URLSearchParams(legal ? { _v: k.dataset.v } : { value: lane.dataset.value });
  lane.append(k); k.setAttribute("aria-busy", "true"); const home = () => { from.insertBefore(k, next); k.removeAttribute("aria-busy"); k.focus(); };
  fetch(there + "?part=1", { method: "POST", body, headers: { "X-CSRF-Token": csrf(), "HX-Request": "true" } }).then(r => {
    const told = r.headers.get("HX-Trigger"); if (told && told.includes("ops:toast")) { const t = JSON.parse(told)["ops:toast"]; toast(t); say(t.text); }
    if (r.status === 204) return renew([], k.id);
    home(); if (r.status === 422 && legal) location.assign(there); else if (r.status === 401) login(); else if (!told) toast({ text: "The card stays where it was: this is not possible now.", bad: true });
  }).catch(() => { home(); toast({ text: "The server cannot be reached.", bad: true }); });
}
function boardkey(e) {
  const b = board(); if (!b || !/^Arrow/.test(e.key) || !(e.target === b || e.target.closest(".kard"))) return false;
  const lanes = $$(".lane", b), k = e.target.closest(".kard"), side = e.key === "ArrowRight" ? 1 : e.key === "ArrowLeft" ? -1 : 0;
  const go = to => { if (to) { $$(".kard", b).forEach(x => x.tabIndex = -1); to.tabIndex = 0; to.focus(); to.scrollIntoView({ block: "nearest", inline: "nearest" }); } };
  if (!k) { go($(".kard", b)); return true; }
  const at = lanes.indexOf(k.closest(".lane")), mine = $$(".kard", lanes[at]), row = mine.indexOf(k);
  if (!side) go(mine[row + (e.key === "ArrowDown" ? 1 : -1)]);
  else for (let n = at + side; lanes[n]; n += side) {
    if (e.shiftKey) { if (takes(lanes[n], k)) { putcard(k, lanes[n]); break; } }
    else { const there = $$(".kard", lanes[n]); if (there.length) { go(there[Math.min(row, there.length - 1)]); break; } }
  }
  return true;
}

/* the record beside the list */
let looking = 0;
function address(n) { const u = new URL(location); n ? u.searchParams.set("peek", n) : u.searchParams.delete("peek"); history.replaceState(history.state, "", u); }
function peek(r) {
  const p = $("#peek"), a = r && $(".main a,:scope>a", r); if (!p || !a) return false;
  if (!p.hidden && p.dataset.id === r.dataset.id) { unpeek(); return true; }
  const n = r.dataset.id, asked = ++looking; p.dataset.id = n;
  fetch(a.getAttribute("href") + "?layout=peek", { headers: { "HX-Request": "true" } }).then(x => { if (x.status === 401) login(); return x.ok ? x.text() : ""; }).then(html => {
    if (asked !== looking) return; if (!html) return location.assign(a.href);
    p.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes); p.hidden = false; p.scrollTop = 0; address(n);
    $$("form", p).forEach(f => f.append(el("input", { type: "hidden", name: "_back", value: location.pathname + location.search })));
    say("Beside the list: " + $("h2", p).textContent);
  });
  return true;
}
function unpeek() { const p = $("#peek"), r = document.getElementById("r" + p.dataset.id); looking++; p.hidden = true; p.replaceChildren(); address(""); if (r) r.matches("tr") ? cursor(r) : r.focus(); }
const peeking = () => $("#peek") && !$("#peek").hidden;

/* a new record for a picker, in a dialog over the form */
let pickfor = null;
function renamed(at) { $$("[id],[for],[list],[aria-describedby],[aria-labelledby],[aria-controls],[href^='#']", at).forEach(n => ["id", "for", "list", "aria-describedby", "aria-labelledby", "aria-controls", "href"].forEach(a => { const v = n.getAttribute(a); if (v && (a !== "href" || v[0] === "#")) n.setAttribute(a, v[0] === "#" ? "#q-" + v.slice(1) : "q-" + v); })); return at; }
function quickshow(html) {
  const d = $("#quickbox"), got = renamed(new DOMParser().parseFromString(html, "text/html").body); if (!$("form", got)) return false;
  d.replaceChildren(...got.childNodes); d.setAttribute("aria-label", $("h2", d).textContent); if (!d.open) d.showModal(); ready(d); const f = $("[data-focus]", d) || $("#q-fields input:not([type=hidden]),#q-fields select,#q-fields textarea", d); if (f) f.focus(); return true;
}
function quick(b, text, take) {
  const url = b.dataset.quick + "?quick=1" + (text && b.dataset.quickField ? "&" + b.dataset.quickField + "=" + encodeURIComponent(text) : ""), d = $("#quickbox"); pickfor = take;
  if (d.dataset.url === url && d.dataset.typed && $("form", d)) return d.showModal();
  fetch(url, { headers: { "HX-Request": "true" } }).then(r => r.ok ? r.text() : "").then(html => { d.dataset.url = url; delete d.dataset.typed; if (!quickshow(html)) open(b.dataset.quick); });
}
document.addEventListener("input", e => { const d = e.target.closest && e.target.closest("#quickbox"); if (d) d.dataset.typed = "1"; });
document.addEventListener("submit", e => {
  const f = e.target.closest("[data-quick-form]"); if (!f) return; e.preventDefault();
  const d = $("#quickbox"); fetch(f.action, { method: "POST", body: new FormData(f, e.submitter), headers: { "X-CSRF-Token": csrf(), "HX-Request": "true" } }).then(r => {
    const told = JSON.parse(r.headers.get("HX-Trigger") || "{}"); if (told["ops:toast"]) toast(told["ops:toast"]);
    if (told["ops:picked"]) { d.close(); d.replaceChildren(); delete d.dataset.typed; if (pickfor) pickfor(told["ops:picked"]); return; }
    if (r.status === 401) { d.close(); return login(); }
    return r.text().then(html => { if (!quickshow(html)) toast({ text: "That did not work (" + r.status + "). What you typed is still here.", bad: true }); });
  }).catch(() => toast({ text: "The server cannot be reached. What you typed is still here.", bad: true }));
});

/* rich text: the words as they will look; the source stays in the form's own control */
function rich(t) {
  if (t.dataset.on) return; t.dataset.on = "1";
  const box = el("div", { class: "input richbox", contenteditable: "true", role: "textbox", "aria-multiline": "true", id: t.id }), bar = el("div", { class: "richbar", role: "toolbar", "aria-label": "Format" });
  ["aria-invalid", "aria-describedby"].forEach(a => { if (t.hasAttribute(a)) box.setAttribute(a, t.getAttribute(a)); });
  const label = $(`label[for="${CSS.escape(t.id)}"]`, t.form); if (label) { label.id = label.id || t.id + "-l"; box.setAttribute("aria-labelledby", label.id); label.addEventListener("click", () => box.focus()); }
  t.removeAttribute("id"); t.hidden = true; t.removeAttribute("required");
  const fill = () => box.replaceChildren(...new DOMParser().parseFromString(t.value, "text/html").body.childNodes), keep = () => { t.value = box.textContent.trim() || $("hr,table", box) ? box.innerHTML : ""; };
  for (const [name, text, cmd, arg] of [["Bold", "B", "bold"], ["Italic", "I", "italic"], ["List", "•", "insertUnorderedList"], ["Numbered list", "1.", "insertOrderedList"], ["Quote", "❞", "formatBlock", "blockquote"], ["Plain", "¶", "formatBlock", "p"]]) {
    const b = el("button", { type: "button", class: "btn quiet small", "aria-label": name, title: name, text }); bar.append(b);
    b.addEventListener("mousedown", e => e.preventDefault()); b.onclick = () => { box.focus(); document.execCommand(cmd, false, arg); keep(); };
  }
  box.addEventListener("focus", () => document.execCommand("defaultParagraphSeparator", false, "p"));
  box.addEventListener("input", () => { keep(); dirty(box); }); box.addEventListener("paste", e => { const text = e.clipboardData.getData("text/plain"); if (text) { e.preventDefault(); document.execCommand("insertText", false, text); } });
  t.addEventListener("change", fill); fill(); t.before(el("div", { class: "richedit" }, bar, box));
}

/* the palette */
const kept = name => { try { return JSON.parse(sessionStorage.getItem(name)) || []; } catch { return []; } };
function option(node, go) { const o = el("a", { role: "option", href: node.href || "#", tabindex: "-1", "aria-selected": "false" }, node.icon ? node.icon.cloneNode(true) : el("span", { class: "i" }), el("span", { text: node.text })); if (node.key) o.append(el("kbd", { text: node.key })); if (go) o.addEventListener("click", e => { e.preventDefault(); $("#palette").close(); go(); }); return o; }
function here() {
  const list = $("#palette-list"), q = $("#palette-q").value.trim().toLowerCase(), add = (label, all) => { if (all.length) list.prepend(el("div", { class: "head", role: "presentation", text: label }), ...all); };
  if (!q) add("Recent", kept("recent").filter(r => r[0] !== location.pathname).slice(0, 5).map(r => option({ href: r[0], text: r[1] })));
  const seen = new Set(), first = n => +!n.dataset.key - n.matches(".primary"), able = $$(".main :is(.pagehead,.rechead,.toolbar) :is(a,button):not([data-x])").filter(n => !n.closest("[hidden],.key") && !n.matches("[aria-disabled=true],#more-toggle,#barred-toggle,#export-toggle") && (!n.closest("[popover]") || n.closest("#more-menu,#export-menu"))).sort((a, b) => first(a) - first(b));
  add("On this page", able.map(n => { const c = n.cloneNode(true); $$("kbd,svg", c).forEach(x => x.remove()); return [(n.closest("#export-menu") ? "Export " : "") + (c.textContent.trim() || n.getAttribute("aria-label") || ""), n]; }).filter(([t]) => t && t.toLowerCase().includes(q) && !seen.has(t) && seen.add(t)).slice(0, q ? 6 : 5).map(([t, n]) => option({ text: t, key: n.dataset.key, icon: $("svg", n) }, () => n.click())));
  if (list.children.length > 1) $$(".empty", list).forEach(n => n.remove());
  $$("[role=option]", list).forEach((o, i) => { o.id = "po" + i; });
}
document.body.addEventListener("htmx:afterSwap", e => { if (e.target.id === "palette-list") here(); });
function palette() { const d = $("#palette"); if (d.open) return d.close(); d.showModal(); const q = $("#palette-q"); q.value = ""; q.focus(); htmx.ajax("GET", "/palette", { target: "#palette-list", swap: "innerHTML" }); }
document.addEventListener("keydown", e => {
  if (!$("#palette") || !$("#palette").open) return;
  const all = $$("#palette [role=option][href]"), at = all.findIndex(o => o.getAttribute("aria-selected") === "true");
  if (e.key === "ArrowDown" || e.key === "ArrowUp") { e.preventDefault(); const to = all[(at + (e.key === "ArrowDown" ? 1 : -1) + all.length) % all.length]; if (!to) return; all.forEach(o => o.setAttribute("aria-selected", o === to)); $("#palette-q").setAttribute("aria-activedescendant", to.id); to.scrollIntoView({ block: "nearest" }); }
  else if (e.key === "Enter" && (at >= 0 || all.length)) { e.preventDefault(); (all[at] || all[0]).click(); }
});
$("#palette") && $("#palette").addEventListener("click", e => { if (e.target === e.currentTarget) e.currentTarget.close(); });

/* keys */
const GLOBAL = [["Ctrl K", "Search or jump"], ["/", "Search this list"], ["g h", "Home"], ["g i", "Inbox"], ["g n", "Notifications"], ...($(".nav [data-key=a]") ? [["g a", "Administration"]] : []), ["c", "New"], ...($(".tabs [data-v]") ? [["v", "then " + $$(".tabs [data-v]").map(n => n.dataset.v + " " + n.textContent.trim()).join(", ")]] : []), ["[", "Collapse the menu"], ["d", "Theme"], ["z", "Undo"], [".", "Copy the number; twice with the title, three times the link"], ["?", "These keys"], ["Esc", "Close"]];
const BOARD = [["↑ ↓ ← →", "Walk the cards"], ["Shift ←", "Move the card to the left"], ["Shift →", "Move the card to the right"], ["Enter", "Open"], ["Space", "Look at it beside the board"], ["m", "Move to…"]];
const LIST = [["j k", "Down, up"], ["Enter", "Open"], ["x", "Select"], ["Shift x", "Select up to here"], ["Space", "Look at it beside the list"], ["m", "Menu of the row; its keys (such as e to edit) work on the row at once"], ["Ctrl a", "Select the page; once more: all that match"]];
const WALK = [["j k", "Next and previous record of the list you came from"]];
/* keys of one's own, kept in this browser: "" switches one off, "all" switches all single keys off */
const own = (() => { try { return JSON.parse(localStorage.getItem("keys")) || {}; } catch { return {}; } })();
const keepkeys = () => { localStorage.setItem("keys", JSON.stringify(own)); keys(); };
const pressed = k => k in own ? own[k] : k;
function meant(p) {
  if (own.all) return null; const hit = Object.keys(own).find(k => own[k] === p), low = p.toLowerCase(); if (hit || p in own) return hit || null;
  if (low === p) return p; const k = meant(low); return k === low ? p : k && k.toUpperCase();
}
function keys() {
  const here = [...GLOBAL]; if (rows().length) here.push(...LIST); if (board()) here.push(...BOARD); if ($("#walk")) here.push(...WALK);
  $$("[data-key]").forEach(n => { const k = n.dataset.key; if (!k || k.length > 2 || n.closest("[hidden],#walk") || n.closest(".nav") || here.some(h => h[0] === k)) return; const c = n.cloneNode(true); $$("kbd", c).forEach(x => x.remove()); here.push([k, c.textContent.trim() || n.getAttribute("aria-label") || n.placeholder || ""]); });
  const note = el("p", { class: "muted", role: "status", text: "To change a coloured key, choose it and press the key you want instead; Backspace switches it off." });
  const cap = (k, what) => {
    if (!/^[!-~]$/.test(k)) return el("kbd", { text: k });
    const n = el("button", { class: "kbd", type: "button", "aria-label": `${what}: ${pressed(k) || "off"}. Change the key`, text: pressed(k) || "off" });
    n.onclick = () => { n.textContent = "…"; note.textContent = `Now press the key for “${what}”. Backspace switches it off, Esc leaves it.`; n.addEventListener("keydown", e => {
      if (["Shift", "Tab"].includes(e.key)) return; e.preventDefault(); e.stopPropagation(); const to = e.key === "Backspace" || e.key === "Delete" ? "" : e.key;
      if (to === "Escape" || to.length > 1 || to === " ") return keys();
      const taken = to && here.find(([h]) => h.split(" ").some(c => c.length === 1 && c !== k && pressed(c) === to)); if (taken) { note.textContent = `${to} already stands for “${taken[1]}”. Press another key.`; return; }
      if (to === k) delete own[k]; else own[k] = to; keepkeys(); const again = $(`[data-of="${CSS.escape(k)}"]`, $("#modal")); if (again) again.focus();
    }); };
    n.dataset.of = k; return n;
  };
  const dl = el("dl", { class: "facts" }); here.forEach(([k, t]) => dl.append(el("div", {}, el("dt", {}, ...k.split(" ").map((p, at) => /^([gv.]|Ctrl|Shift) /.test(k) && (at || k.length > 3) ? el("kbd", { text: p }) : cap(p, t))), el("dd", { text: t }))));
  const close = el("button", { class: "btn", type: "button", text: "Close" }); close.onclick = () => $("#modal").close();
  const every = el("input", { type: "checkbox" }); every.checked = !own.all; every.onchange = () => { if (every.checked) delete own.all; else own.all = 1; keepkeys(); $("#modal input").focus(); };
  const reset = el("button", { class: "btn small", type: "button", text: "All as they were" }); reset.onclick = () => { Object.keys(own).forEach(k => delete own[k]); keepkeys(); }; reset.hidden = !Object.keys(own).length;
  $("#modal").replaceChildren(el("div", { class: "in stack" }, el("div", { class: "row" }, el("h2", { class: "grow", text: "Keys on this page" }), close), el("div", { class: "row" }, el("label", { class: "grow" }, every, " Single keys work"), reset), note, dl)); if (!$("#modal").open) $("#modal").showModal();
}
let g = 0, v = 0;
function menukey(e, m) {
  const all = $$("a,button:not([aria-disabled=true])", m).filter(n => n.offsetParent), at = all.indexOf(document.activeElement);
  const to = { ArrowDown: all[(at + 1) % all.length], ArrowUp: all[(at - 1 + all.length) % all.length], Home: all[0], End: all[all.length - 1] }[e.key];
  if (to) { e.preventDefault(); return to.focus(); }
  const hit = e.key.length === 1 && $(`[data-key="${CSS.escape(e.key)}"]`, m); if (hit) { e.preventDefault(); hit.click(); }
}
/* a verb of the row's menu by its key, without opening it */
function verb(r, k) { const a = $("[data-menu]", r); if (!a || !/^[\w#.]$/.test(k)) return false; rowmenu(a, k); return true; }
document.addEventListener("keydown", e => {
  if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") { e.preventDefault(); return palette(); }
  if ((e.ctrlKey || e.metaKey) && e.key === "Enter") { const f = e.target.closest && e.target.closest("form"); if (f && f.method === "post") { e.preventDefault(); f.requestSubmit(); } return; }
  if (e.key === "Escape" && peeking() && !typing(e) && !$(":popover-open") && !$("dialog[open]")) { e.preventDefault(); return unpeek(); }
  if (e.key === "Escape") { if (typing(e) && !e.target.closest("dialog,[popover]")) return e.target.blur(); if (rows().some(r => box(r) && box(r).checked) && !$(":popover-open") && !$("dialog[open]")) return clear(); return; }
  if ((e.ctrlKey || e.metaKey) && e.key === "a" && !typing(e) && !$("dialog[open]") && rows().some(box) && getSelection().isCollapsed) { e.preventDefault(); const every = $('[data-bulk] [name="all"]'); if (every && rows().every(r => !box(r) || box(r).checked)) { every.checked = true; say(every.parentNode.textContent); } else { rows().forEach(r => mark(r, true)); count(); } return; }
  if (e.ctrlKey || e.metaKey || e.altKey || typing(e) || $("dialog[open]")) return;
  const raw = e.key, open_ = $(".menu:popover-open"); if (open_) return menukey(e, open_);
  if ($(":popover-open")) return;
  const k = raw.length === 1 && raw !== " " ? meant(raw) : raw, tr = document.activeElement.closest && document.activeElement.closest("[data-rows] tbody tr");
  const did = () => e.preventDefault();
  if (Date.now() - g < 900) { g = 0; const to = raw === "n" ? $("#bell") : $(`.nav [data-key="${CSS.escape(raw)}"]`); if (to) { did(); location.assign(to.href); } return; }
  if (k === "g") { g = Date.now(); return; }
  if (Date.now() - v < 900) { v = 0; const to = $(`.tabs [data-v="${CSS.escape(raw)}"]`); if (to) { did(); return to.click(); } }
  if (!k) return;
  if (k === "v" && $(".tabs [data-v]")) { v = Date.now(); return; }
  if (k === "?") { did(); return keys(); }
  if (k === "d") { did(); return theme(); }
  if (k === "[") { did(); return rail(); }
  if (k === "z") { const u = $$("[data-undo]").pop(); if (u) { did(); u.click(); } return; }
  if (k === ".") { did(); return copykey(); }
  if (!e.shiftKey || board()) { if (boardkey(e)) return did(); }
  const on = tr || (document.activeElement.closest && document.activeElement.closest(".kard"));
  if (k === " " && on && document.activeElement === on && peek(on)) return did();
  if (on && on.matches(".kard")) { if (k === "m") { did(); return rowmenu($("[data-menu]", on)); } if (k === "Enter" && document.activeElement === on) { did(); return $("a", on).click(); } }
  if (rows().length) {
    if (k === "j" || (k === "ArrowDown" && tr)) { did(); return step(1); }
    if (k === "k" || (k === "ArrowUp" && tr)) { did(); return step(-1); }
    if (tr && k === "Enter" && document.activeElement === tr) { did(); return $(".main a", tr).click(); }
    if (tr && (k === "x" || k === "X") && box(tr)) { did(); if (k === "X" && last) range(tr); else mark(tr, !box(tr).checked); last = tr; return count(); }
    if (tr && k === "m") { did(); return rowmenu($("[data-menu]", tr)); }
  }
  const bar = $("[data-bulk]:not([hidden])"), hit = (bar && $(`[data-key="${CSS.escape(k)}"]`, bar)) || $$(`.main [data-key="${CSS.escape(k)}"]`).find(n => !n.closest("[data-bulk]"));
  if (hit && !(on && /^[1-9e#]$/.test(k) && !hit.closest("[data-bulk]"))) { did(); if (hit.matches("input,textarea")) hit.focus(); else hit.click(); }
  else if (on && document.activeElement === on && /^[1-9e#]$/.test(k)) { did(); verb(on, k); }
});

/* the pulse: unread notifications, and what changed behind an open list; nothing moves until somebody asks for it */
let since = "", unread = sessionStorage.getItem("unread") || "", beating = 0, rung = 0, fresh = new Set(), gone = new Set(), many = false;
function bell() { const b = $("#unread"); if (!b) return; b.hidden = !+unread; b.textContent = +unread > 99 ? "99+" : unread; $("#bell").setAttribute("aria-label", +unread ? "Notifications, " + unread + " unread" : "Notifications"); }
function pulse() {
  if (!$("#bell") || document.hidden || Date.now() - rung < 1500) return;
  rung = Date.now(); const list = $("#list[data-of]"), q = new URLSearchParams({ unread, since: list ? since : "", of: list ? list.dataset.of : "" });
  fetch("/pulse?" + q, { headers: { "HX-Request": "true" } }).then(r => { lost = r.status === 401; return r.status === 200 ? r.json() : null; }).then(news => {
    if (!news) return;
    if (news.unread > +unread && unread !== "") say(news.unread + " unread notifications");
    unread = String(news.unread); sessionStorage.setItem("unread", unread); bell();
    if (!list) return;
    since = String(news.mark || ""); news.changed.forEach(n => { fresh.add(n); gone.delete(n); }); news.gone.forEach(n => { gone.add(n); fresh.delete(n); }); many = many || news.more; newer();
  }).catch(() => 0);
}
function newer() {
  const pill = $("#newer"); if (!pill) return;
  pill.hidden = !fresh.size && !gone.size && !many; if (pill.hidden) return;
  const text = many ? "Many changes" : [fresh.size && (fresh.size === 1 ? "1 change" : fresh.size + " changes"), gone.size && gone.size + " deleted"].filter(Boolean).join(", "); $("span", pill).textContent = text; say(text);
}
function renew(lit, focus) {
  const list = $("#list"), at = focus || (document.activeElement && document.activeElement.closest && (document.activeElement.closest("tr[id],.kard[id]") || {}).id);
  return fetch(list.dataset.url, { headers: { "HX-Request": "true" } }).then(r => r.ok ? r.text() : "").then(html => {
    if (!html) return; htmx.swap("#list", html, { swapStyle: "outerHTML" });
    ready($("#list")); const there = at && document.getElementById(at); if (there) there.matches("tr") ? cursor(there) : there.focus({ preventScroll: true });
    lit.forEach(n => { const r = document.getElementById("r" + n); if (r) { r.classList.add("fresh"); setTimeout(() => r.classList.remove("fresh"), 2400); } });
  });
}
document.addEventListener("click", e => { if (e.target.closest("#newer button")) { const lit = [...fresh]; fresh.clear(); gone.clear(); many = false; newer(); renew(lit); } });
document.addEventListener("click", e => { const a = e.target.closest("[data-reads]"); if (a) fetch("/inbox/notifications/read", { method: "POST", keepalive: true, body: new URLSearchParams({ id: a.dataset.reads }), headers: { "X-CSRF-Token": csrf(), "HX-Request": "true" } }); });
const beat = () => { clearTimeout(beating); pulse(); beating = setTimeout(beat, 20000); };
document.addEventListener("visibilitychange", () => { if (!document.hidden) beat(); });
document.body.addEventListener("ops:pulse", () => { rung = 0; beat(); });

/* come back to the row that was opened */
const place_ = "at:" + location.pathname + location.search;
window.addEventListener("pagehide", () => { const tr = document.activeElement && document.activeElement.closest && document.activeElement.closest("[data-rows] tr"); if (tr && tr.id) sessionStorage.setItem(place_, tr.id); });
function back() { const id = sessionStorage.getItem(place_), nav = performance.getEntriesByType("navigation")[0]; if (id && nav && nav.type === "back_forward") { const tr = document.getElementById(id); if (tr) cursor(tr); } sessionStorage.removeItem(place_); }

/* records of the list one came from, one after the other; and where one was */
window.addEventListener("pagehide", () => { const l = $("#list[data-url]"), ids = $$("[data-rows] tbody tr,.kard[data-id]").map(n => n.dataset.id); if (l && ids.length) sessionStorage.setItem("walk", JSON.stringify({ at: location.pathname, ids, url: l.dataset.url })); });
function walk() {
  const head = $(".rechead .key"), found = location.pathname.match(/^(.*)\/(\d+)$/); if (!head || !found) return;
  sessionStorage.setItem("recent", JSON.stringify([[location.pathname, document.title.split(" · ")[0]], ...kept("recent").filter(r => r[0] !== location.pathname)].slice(0, 8)));
  const w = kept("walk"), at = w.at === found[1] ? w.ids.indexOf(found[2]) : -1; if (at < 0 || w.ids.length < 2) return;
  const arrow = (to, key, label, text) => w.ids[to] ? el("a", { class: "btn quiet small icon", href: found[1] + "/" + w.ids[to], "data-key": key, "aria-label": label, title: label + "  " + key, text }) : el("span", { class: "btn quiet small icon none", "aria-hidden": "true", text });
  head.append(el("nav", { id: "walk", "aria-label": "The list you came from" }, arrow(at - 1, "k", "Previous record", "◀"), el("a", { href: w.url, text: at + 1 + " of " + w.ids.length, title: "Back to the list" }), arrow(at + 1, "j", "Next record", "▶")));
}

/* what a new part of the page needs */
function ready(at) {
  if (!at || !at.querySelectorAll) return;
  $$("[data-pick]", at).forEach(picker); $$("[data-rich]", at).forEach(rich);
  $$("[data-blank]", at).forEach(n => n.remove());
  $$("details[data-keep]", at).forEach(d => { const key = "open:" + d.id, kept = localStorage.getItem(key); if (kept !== null) d.open = kept === "1"; d.addEventListener("toggle", () => localStorage.setItem(key, d.open ? "1" : "0")); });
  $$("[data-focus]", at).forEach(n => n.focus());
  $$("[data-tabs]", at).forEach(t => { const bad = $("[role=tab]:has(.bad)", t), chosen = bad || $("[aria-selected=true]", t); $$("[data-pane]", t.parentNode).forEach(p => { p.hidden = chosen && p.id !== chosen.getAttribute("aria-controls"); }); if (chosen) $$("[role=tab]", t).forEach(b => { b.setAttribute("aria-selected", b === chosen); b.tabIndex = b === chosen ? 0 : -1; }); });
  if (rows().length && !rows().some(r => r.tabIndex === 0)) rows()[0].tabIndex = 0;
  const first = $(".kard"); if (first && !$(".kard[tabindex='0']")) first.tabIndex = 0;
  if (Object.keys(own).length) $$("kbd", at).forEach(n => { const k = n.textContent; if (k.length === 1 && k in own) { n.textContent = own[k]; n.hidden = !own[k]; } });
  count();
}
ready(document); back(); bell(); beat(); walk();
if (new URLSearchParams(location.search).get("print") === "1") window.print();
})();
