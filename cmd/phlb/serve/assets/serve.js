// What pages do without this, they do quicker with it: times in the zone of the browser,
// steps by the keyboard, results as one types.
"use strict";

(() => {
	const language = document.documentElement.lang;
	const format = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
	const localTimes = (within) => {
		for (const t of within.querySelectorAll("time[datetime]")) {
			t.textContent = format.format(new Date(t.dateTime));
		}
	};
	localTimes(document);

	for (const button of document.querySelectorAll("button[data-copy]")) {
		button.hidden = false;
		button.addEventListener("click", async () => {
			const field = document.getElementById(button.dataset.copy);
			field.select();
			if (navigator.clipboard) {
				await navigator.clipboard.writeText(field.value);
			} else {
				document.execCommand("copy");
			}
			button.textContent = "✓";
		});
	}

	const current = document.querySelector(".timeline li a[aria-current]");
	if (current) {
		current.scrollIntoView({ block: "nearest", inline: "center" });
	}

	const go = (selector) => {
		const link = document.querySelector(selector);
		if (link) {
			link.click();
		}
		return Boolean(link);
	};
	const rows = () => [...document.querySelectorAll("td.name a")];
	const step = (by) => {
		const all = rows();
		const at = all.indexOf(document.activeElement);
		const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
		if (next) {
			next.focus();
		}
		return Boolean(next);
	};
	document.addEventListener("keydown", (event) => {
		const typing = event.target.closest("input:not([type=checkbox]), select, textarea, pre, video, audio, .scroll:focus");
		if (typing || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey && event.key !== "/") {
			return;
		}
		const done = {
			ArrowLeft: () => go('.timeline a[rel="prev"]'),
			ArrowRight: () => go('.timeline a[rel="next"]'),
			ArrowDown: () => rows().length > 0 && step(1),
			ArrowUp: () => rows().includes(document.activeElement) && step(-1),
			u: () => go('a[rel="up"]'),
			"/": () => {
				const field = document.getElementById("q") || document.getElementById("quick");
				if (field) {
					field.focus();
				}
				return Boolean(field);
			},
		}[event.key];
		if (done && done()) {
			event.preventDefault();
		}
	});

	const search = document.getElementById("search");
	const results = document.getElementById("results");
	if (search && results) {
		let waiting;
		let asked = new AbortController();
		const ask = async () => {
			asked.abort();
			asked = new AbortController();
			const address = "/search?" + new URLSearchParams(new FormData(search));
			try {
				const answer = await fetch(address, { signal: asked.signal, headers: { Accept: "text/html" } });
				if (!answer.ok) {
					return; // half a size or a date is no mistake
				}
				const page = new DOMParser().parseFromString(await answer.text(), "text/html");
				const found = page.getElementById("results");
				localTimes(found);
				results.replaceChildren(...found.childNodes);
				history.replaceState(null, "", address);
			} catch (error) {
				if (error.name !== "AbortError") {
					throw error;
				}
			}
		};
		search.addEventListener("input", () => {
			clearTimeout(waiting);
			waiting = setTimeout(ask, 150);
		});
	}
})();
