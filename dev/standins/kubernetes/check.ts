import { type Fields, namespaceOf, withMetadata } from "./fields";
import { type Autonaming, isGenerated, withFormerName, withName } from "./naming";
import { normal } from "./normal";
import { reveal, secretLike } from "./properties";
import { isNamespaced, type Provider, type Request } from "./provider";

/** Completes a program's inputs: normal form, name, namespace. */
export async function check(
    provider: Provider,
    { urn }: Request,
    olds: Fields,
    news: Fields,
    seed: Uint8Array,
    autonaming: Autonaming,
): Promise<Fields> {
    const former = reveal(olds);
    const given = normal(reveal(news));
    const named =
        Object.keys(former).length > 0
            ? withFormerName(given, former)
            : withName(given, urn.split("::").at(-1) ?? "", seed, autonaming);
    if (isGenerated(named))
        throw new Error("the `.metadata.generateName` field is not supported in Server-Side Apply mode");
    return secretLike(await withNamespace(provider, named, urn), news);
}

async function withNamespace(provider: Provider, inputs: Fields, urn: string): Promise<Fields> {
    const { namespace } = provider.options;
    if (namespace === "" || namespaceOf(inputs) !== "") return inputs;
    return (await isNamespaced(provider, urn)) ? withMetadata(inputs, "namespace", namespace) : inputs;
}
