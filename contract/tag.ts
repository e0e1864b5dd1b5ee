/** Tag of an image's name: `tagOf("registry:5000/shop:1.2@sha256:…") === "1.2"`. */
export function tagOf(image: string): string {
    const [name = ""] = image.split("@");
    return /:([^/:]+)$/.exec(name)?.[1] ?? "latest";
}
