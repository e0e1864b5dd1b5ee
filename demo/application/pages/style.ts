/** The style sheet of every page. A replica differs by the variables at its head. */
export const style = `
:root {
    --page: #f5f7f6; --surface: #fff; --text: #17211f; --quiet: #55645f; --line: #dbe3e0;
    --head: #0c4f48; --head-text: #fff; --accent: #0b6b60; --accent-text: #fff; --soft: #e3f0ed;
    color-scheme: light;
}
[data-environment="replica"] {
    --page: #fbf7f1; --surface: #fffdfa; --text: #231c14; --quiet: #6a5a48; --line: #eadfd0;
    --head: #4a2c6d; --head-text: #fff; --accent: #7a3e00; --accent-text: #fff; --soft: #f9e9d2;
}
* { box-sizing: border-box; }
body {
    margin: 0; background: var(--page); color: var(--text);
    font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
a { color: var(--accent); text-underline-offset: .15em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
header :focus-visible { outline-color: #ffd479; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 1.25rem 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; line-height: 1.3; margin: 0; overflow-wrap: anywhere; }
small { color: var(--quiet); font-weight: 400; font-size: .85rem; }
ul { list-style: none; margin: 0; padding: 0; }
button, input, textarea { font: inherit; color: inherit; }
button {
    border: 0; border-radius: 8px; padding: .5rem 1rem; cursor: pointer;
    background: var(--accent); color: var(--accent-text); font-weight: 600;
}
button:hover { filter: brightness(1.12); }
input[type="file"] { width: 100%; font-size: .9rem; margin-top: .5rem; }
textarea {
    width: 100%; padding: .6rem .75rem; border: 1px solid var(--line); border-radius: 8px;
    background: var(--page); resize: vertical;
}
.frame { width: min(72rem, 100%); margin-inline: auto; padding-inline: 1.25rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; z-index: 9; background: #fff; padding: .5rem 1rem; }

.banner {
    position: sticky; top: 0; z-index: 5; color: #2b1700; font-size: .9rem; border-bottom: 2px solid #2b1700;
    background: repeating-linear-gradient(135deg, #ffc14d 0 14px, #ffb52e 14px 28px);
}
.banner p { display: flex; flex-wrap: wrap; gap: .1rem 1.25rem; margin-block: 0; padding-block: .45rem; }
.banner span { overflow-wrap: anywhere; }

header { background: var(--head); color: var(--head-text); }
header .frame { display: flex; flex-wrap: wrap; align-items: center; gap: .75rem 2rem; padding-block: .9rem; }
.brand {
    display: flex; align-items: center; gap: .6rem; color: inherit; text-decoration: none;
    font-size: 1.3rem; font-weight: 700;
}
.search { display: flex; flex: 1 1 18rem; gap: .5rem; }
.search input { flex: 1; min-width: 0; padding: .5rem .9rem; border: 0; border-radius: 8px; background: #fff; color: #17211f; }
.search button { background: #ffffff2e; color: inherit; }

.sections { display: flex; gap: .5rem; margin-top: 1.25rem; padding-bottom: .6rem; overflow-x: auto; scrollbar-width: thin; }
.sections a {
    display: flex; align-items: center; gap: .4rem; flex: none; padding: .3rem .8rem; border-radius: 99px;
    border: 1px solid var(--line); background: var(--surface); color: var(--text); font-size: .9rem; text-decoration: none;
}
.sections a:hover { border-color: var(--accent); }
.sections a[aria-current] { background: var(--accent); border-color: var(--accent); color: var(--accent-text); }

.cards { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(21rem, 100%), 1fr)); }
.card {
    position: relative; display: flex; gap: 1rem; padding: 1rem; border: 1px solid var(--line); border-radius: 12px;
    background: var(--surface);
}
.card:hover { border-color: var(--accent); box-shadow: 0 2px 10px #0000001a; }
.card img { flex: none; object-fit: contain; }
.card div { min-width: 0; flex: 1; }
.card h2 a { color: inherit; text-decoration: none; }
.card h2 a::after { content: ""; position: absolute; inset: 0; border-radius: 12px; }
.card p { margin: .15rem 0 .5rem; font-size: .93rem; overflow-wrap: anywhere; }
.card .facts { display: flex; flex-wrap: wrap; gap: 0 .9rem; margin: 0; color: var(--quiet); font-size: .82rem; }
.facts span { max-width: 100%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.paging { display: flex; justify-content: space-between; align-items: center; gap: 1rem; margin: 1.5rem 0; }
.paging a, .paging > [aria-hidden] { padding: .5rem 0; }
.paging > [aria-hidden] { opacity: .35; }

.lead { display: flex; flex-wrap: wrap; gap: 1.25rem 2rem; margin-top: 2rem; align-items: center; }
.lead img { object-fit: contain; padding: .9rem; width: 10rem; height: 10rem; border-radius: 16px; background: var(--soft); }
.lead > div { flex: 1 1 18rem; min-width: 0; }
.lead p { margin: .2rem 0; overflow-wrap: anywhere; }
.lead h1 { margin: .1rem 0 .3rem; font-size: 2.1rem; }
.lead .summary { font-size: 1.1rem; }
.crumb { font-size: .9rem; }
.figures {
    display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1px; margin: 1.5rem 0; overflow: hidden;
    border: 1px solid var(--line); border-radius: 12px; background: var(--line);
}
.figures div { background: var(--surface); padding: .8rem 1rem; }
.figures dt { color: var(--quiet); font-size: .82rem; }
.figures dd { margin: 0; font-weight: 650; overflow-wrap: anywhere; }
.columns { display: grid; gap: 1.25rem; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); }
.panel { margin-bottom: 1.25rem; padding: 1.1rem 1.25rem; border: 1px solid var(--line); border-radius: 12px; background: var(--surface); }
.panel h2 { margin-bottom: .6rem; }
.panel label:not(.unseen) { font-size: .9rem; color: var(--quiet); }
.row { display: flex; align-items: center; justify-content: space-between; gap: 1rem; margin: .75rem 0 0; }
.row button { margin-left: auto; }
.dependencies { columns: 2 14rem; column-gap: 2rem; font-size: .93rem; }
.dependencies li { padding: .15rem 0; break-inside: avoid; overflow-wrap: anywhere; }
.tags { display: flex; flex-wrap: wrap; gap: .4rem; }
.tags li { padding: .1rem .6rem; border-radius: 99px; background: var(--soft); font-size: .85rem; }
.empty { color: var(--quiet); margin: 0; }
.message { padding-block: 2rem; }
footer { padding-block: 1.5rem 2.5rem; color: var(--quiet); font-size: .85rem; }
@media (max-width: 50rem) { .columns { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 40rem) {
    .lead { flex-wrap: nowrap; margin-top: 1.25rem; }
    .lead img { width: 6.5rem; height: 6.5rem; padding: .6rem; }
    .lead > div { flex: 1; }
    .lead h1 { font-size: 1.6rem; }
    .figures { grid-template-columns: 1fr 1fr; }
    .banner { font-size: .8rem; }
}
`;
