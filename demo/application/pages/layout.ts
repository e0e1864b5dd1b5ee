import { type Html, html } from "../html";
import type { Replica } from "../settings";

/** The whole document around a page. On a replica it has other colours and another title, and a notice if there is one. */
export function layout(page: { title: string; body: Html; search?: string; replica: Replica | undefined }): Html {
    const { title, body, search = "", replica } = page;
    return html`<!doctype html>
<html lang="en" data-environment="${replica ? "replica" : "production"}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${replica && `[Replica ${replica.stack}] `}${title} · Catalogue</title>
<link rel="stylesheet" href="/style.css">
<link rel="icon" href="/media/icons/mimes/64/package-x-generic.png">
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
${replica && (replica.warning || replica.seeAlso) && notice(replica)}
<header>
<div class="frame">
<a class="brand" href="/"><img src="/media/icons/mimes/64/package-x-generic.png" alt="" width="36" height="36">Catalogue</a>
<form class="search" action="/" method="get" role="search">
<label class="unseen" for="search">Search the packages</label>
<input id="search" type="search" name="q" value="${search}" placeholder="Search the packages" autocomplete="off">
<button>Search</button>
</form>
</div>
</header>
<main id="content" class="frame">${body}</main>
<footer class="frame">Packages of Debian, icons of elementary Xfce.</footer>
</body>
</html>
`;
}

/** What only a replica tells; whose copy it is stands in the bar above every page. */
function notice({ warning, seeAlso }: Replica): Html {
    return html`<aside class="banner" aria-label="Notice"><p class="frame">
${warning && html`<strong>${warning}</strong>`}
${seeAlso && html`<span>see also <b>${seeAlso}</b></span>`}
</p></aside>`;
}
