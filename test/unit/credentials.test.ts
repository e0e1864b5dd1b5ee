import { describe, expect, it } from "vitest";
import { credentialsFor, loginPassword } from "../../components/credentials";
import { loginSecretName } from "../../components/login";

describe("a login role's password", () => {
    it("is the same for the same role, key and rotation, and another for every other", () => {
        expect(loginPassword("key", "shop__1", "2")).toBe(loginPassword("key", "shop__1", "2"));
        const others = [
            loginPassword("key", "shop__1", undefined),
            loginPassword("key", "shop__2", "2"),
            loginPassword("key", "shop__1", "3"),
            loginPassword("other", "shop__1", "2"),
        ];
        expect(new Set([loginPassword("key", "shop__1", "2"), ...others]).size).toBe(5);
    });

    it("is in a Secret of another name, so that whoever uses it is replaced", () => {
        const names = [undefined, "2", "3"].map((rotate) => loginSecretName("0000000001", { rotate }));
        expect(new Set(names).size).toBe(3);
        expect(names[0]).toBe("login-0000000001");
    });
});

describe("the server's credentials", () => {
    const first = credentialsFor("key", undefined, undefined);
    const second = credentialsFor("key", "2", first);

    it("begin with a password that nothing else is derived from", () => {
        expect(first).toEqual({ key: "key", password: expect.stringMatching(/^[\w-]{43}$/), former: "" });
    });

    it("stay as they are while the stack file does", () => {
        expect(credentialsFor("key", undefined, first)).toEqual(first);
        expect(credentialsFor("key", "2", second)).toEqual(second);
    });

    it("know what the server may still expect, also after a rotation that did not come to it", () => {
        expect(second).toMatchObject({ former: first.password });
        expect(credentialsFor("key", "3", second).former).toBe(`${second.password}\n${first.password}`);
    });

    it("can go back", () => {
        expect(credentialsFor("key", undefined, second)).toEqual({ ...first, former: second.password });
    });

    it("do not grow without an end", () => {
        let credentials = first;
        for (let rotation = 0; rotation < 20; rotation++) {
            credentials = credentialsFor("key", `${rotation}`, credentials);
        }
        expect(credentials.former.split("\n")).toHaveLength(5);
    });
});
