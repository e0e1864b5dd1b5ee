/** WordPress and PHP; the smallest of web servers is there because WordPress's package asks for one. */
export const wordpressPackages = ["wordpress", "php", "php-cgi", "php-cli", "php-mysql", "micro-httpd"];
