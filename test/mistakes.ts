/** Ten mistakes of a stack file, by setting: each is to get a sentence of its own. */
export const tenMistakes: Record<string, unknown> = {
    "source.namespace": "Production",
    "source.media": {},
    "target.contxt": "elsewhere",
    imageTag: "latest",
    "database.name": "my-shop",
    "database.maximumAge": "soon",
    "database.keepGenerations": -1,
    "media.accessMode": "RWX",
    "media.volume": undefined,
    removeMediaVolume: "yes",
};
