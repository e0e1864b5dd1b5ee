/** What the nginx in front of the application is told. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { transformSync } from "esbuild";
import type { Bar } from "../banner/filter";
import { digest } from "./digest";

/** Folders of nginx's container: its configuration, and the only one that it may write to. */
export const bannerFolders = { configuration: "/etc/understudy", temporary: "/tmp" };

/** Colours of the bar, of which a text can be read by everybody. */
export const bannerColours = { text: "#1f1300", background: "#ffc14d" };

/** The program with its arguments: it stays in the foreground, and its log is the container's. */
export function bannerCommand({ configuration }: typeof bannerFolders): string[] {
    return ["nginx", "-e", "stderr", "-g", "daemon off;", "-c", `${configuration}/nginx.conf`];
}

/** Arguments of {@link bannerConfiguration}. */
export interface BannerConfigurationArgs {
    /** What the bar says. */
    text: string;
    /** Port that nginx listens on. */
    port: number;
    /** Port of the application, in the same pod. */
    applicationPort: number;
    folders?: typeof bannerFolders;
}

/** nginx's files by name: its configuration, the program that puts the bar into pages, and the bar's style sheet. */
export function bannerConfiguration(args: BannerConfigurationArgs): Record<string, string> {
    const { text, port, applicationPort, folders = bannerFolders } = args;
    return {
        "nginx.conf": nginxConfiguration(port, applicationPort, folders),
        "filter.js": `const bar = ${JSON.stringify(barOf(text))};\n${filterProgram()}`,
        "bar.css": styleSheet,
    };
}

/**
 * The bar's markup. A browser adds the attribute to the page's own element, and the style sheet shows it above the body,
 * whose layout stays as it is. The text itself comes first in the body, for those who listen. A page whose
 * Content-Security-Policy lets no style sheet in shows it there, with attributes that take no permission.
 */
function barOf(text: string): Bar {
    const { text: front, background } = bannerColours;
    const words = escaped(text);
    return {
        head: `<html data-understudy-bar="${words}"><link rel="stylesheet" href="${styleSheetPath}">`,
        body:
            `<aside id="understudy-bar" aria-label="About this copy"><table role="presentation" width="100%" ` +
            `cellpadding="6" bgcolor="${background}"><tr><td align="center"><font color="${front}">${words}` +
            "</font></td></tr></table></aside>",
    };
}

/** A text as markup, in ASCII: nobody knows the page's character set. */
function escaped(text: string): string {
    return text.replace(/[^ !#-%(-;=?-~]/gu, (character) => `&#${character.codePointAt(0)};`);
}

/** The program as njs reads it. */
function filterProgram(): string {
    const file = path.join(__dirname, "../banner/filter.ts");
    return transformSync(readFileSync(file, "utf8"), { loader: "ts", target: "es2016" }).code;
}

const styleSheet = `html[data-understudy-bar]::before {
    all: initial !important;
    content: attr(data-understudy-bar) !important;
    content: attr(data-understudy-bar) / "" !important;
    display: block !important;
    position: relative !important;
    z-index: 2147483647 !important;
    pointer-events: none !important;
    padding: 0.4em 1em !important;
    border-bottom: 2px solid ${bannerColours.text} !important;
    background: ${bannerColours.background} !important;
    color: ${bannerColours.text} !important;
    font: 600 small/1.4 system-ui, sans-serif !important;
    text-align: center !important;
    overflow-wrap: anywhere !important;
}
#understudy-bar {
    position: absolute !important;
    width: 1px !important;
    height: 1px !important;
    overflow: hidden !important;
    clip-path: inset(50%) !important;
}
`;

/** Its address is another when it is, so that it is fetched once. */
const styleSheetPath = `/.understudy/bar-${digest({ styleSheet })}.css`;

/** Compressed on the way to the browser, as HTML is; the application is asked for what can be read. */
const compressed = [
    ...["text/css", "text/plain", "text/javascript", "text/xml", "image/svg+xml"],
    ...["application/javascript", "application/json", "application/manifest+json", "application/xml"],
];

/** Fields that speak to the nginx of an Ingress, and not to this one. */
const forIngress = ["Redirect", "Expires", "Limit-Rate", "Buffering", "Charset"].map((name) => `X-Accel-${name}`);

/** The text of `nginx.conf`. It asks for nothing that nginx 1.22 and njs 0.7 do not know. */
function nginxConfiguration(port: number, applicationPort: number, folders: typeof bannerFolders): string {
    const { configuration, temporary } = folders;
    const scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    const robots = `add_header X-Robots-Tag "noindex, nofollow" always;`;
    return `load_module /usr/lib/nginx/modules/ngx_http_js_module.so;
worker_processes 2;
pid ${temporary}/nginx.pid;
error_log stderr warn;
events {
    worker_connections 4096;
}
http {
    ${scratch.map((name) => `${name}_temp_path ${temporary}/${name};`).join("\n    ")}
    access_log off;
    server_tokens off;

    js_import filter from ${configuration}/filter.js;

    # As the client has sent it, however long and unusual.
    ignore_invalid_headers off;
    large_client_header_buffers 8 64k;
    client_max_body_size 0;
    client_body_timeout 1h;
    send_timeout 1h;
    keepalive_requests 100000;

    map $http_upgrade $connection_upgrade {
        default upgrade;
        "" "";
    }
    # A page from before there was a bar is not to be confirmed.
    map $http_accept $if_none_match {
        default $http_if_none_match;
        ~*text/html "";
    }
    map $http_accept $if_modified_since {
        default $http_if_modified_since;
        ~*text/html "";
    }
    map $http_x_forwarded_for $forwarded_for {
        default $http_x_forwarded_for;
        "" $remote_addr;
    }

    gzip on;
    gzip_proxied any;
    gzip_vary on;
    gzip_types ${compressed.join(" ")};

    upstream application {
        server 127.0.0.1:${applicationPort};
        keepalive 32;
        # Before the application ends a connection that nobody uses, as most do after 2 seconds or more.
        keepalive_timeout 1s;
    }

    server {
        listen ${port};
        ${robots}

        location / {
            proxy_pass http://application;
            proxy_redirect off;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Forwarded-For $forwarded_for;
            proxy_set_header Accept-Encoding identity;
            proxy_set_header If-None-Match $if_none_match;
            proxy_set_header If-Modified-Since $if_modified_since;
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_buffer_size 64k;
            proxy_buffers 4 64k;
            proxy_busy_buffers_size 128k;
            proxy_read_timeout 1d;
            proxy_send_timeout 1d;
            proxy_hide_header X-Robots-Tag;
            proxy_pass_header Server;
            proxy_pass_header Date;
            proxy_ignore_headers ${forIngress.join(" ")};
            ${forIngress.map((name) => `proxy_pass_header ${name};`).join("\n            ")}
            js_header_filter filter.header;
            js_body_filter filter.body buffer_type=buffer;
        }

        location = /robots.txt {
            default_type text/plain;
            return 200 "User-agent: *\\nDisallow: /\\n";
        }

        location = ${styleSheetPath} {
            alias ${configuration}/bar.css;
            default_type text/css;
            ${robots}
            add_header Cache-Control "public, max-age=31536000, immutable";
        }
    }
}
`;
}
