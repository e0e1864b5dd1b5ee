/** What an image is made of and how its program starts. What is left out is as in the base, as in a Dockerfile. */
export interface ImageSpec {
    /** Names under which pods ask for it. Never `:latest`, which the kubelet would look for in a registry. */
    tags: string[];
    /** The image to build upon. Default: bare Debian. */
    base?: ImageSpec;
    /** Accounts, made before all else, each with a group of the same name and number. */
    users?: ImageUser[];
    /** Files, put in place before packages are installed: configuration among them is left as it is. Owned by root. */
    files?: ImageFile[];
    /** Debian packages, without what they merely recommend. */
    packages?: string[];
    /** Shell commands, run as root inside the finished file system. */
    commands?: string[];
    /** Keep Debian's package index as `/usr/share/debian-packages.gz`. Default: no. */
    keepIndex?: boolean;
    /** Whom the program runs as: `name`, `uid` or `uid:gid`. Default: root. */
    user?: string;
    /** Environment variables, added to those of the base. */
    env?: Record<string, string>;
    /** The program and its first arguments. A base's `cmd` does not outlive a new entrypoint. */
    entrypoint?: string[];
    /** Arguments that a pod may replace; without an entrypoint, program and arguments. */
    cmd?: string[];
    /** The folder the program starts in. Default: `/`. */
    workdir?: string;
    /** Folders that are writable, and empty but for the image's content, in each container of its own. */
    volumes?: string[];
    /** TCP ports that the program listens on; for people to know. */
    ports?: number[];
    /** The signal that asks the program to end. Default: SIGTERM. */
    stopSignal?: string;
}

/** An account of an image. */
export interface ImageUser {
    name: string;
    /** The number of the account and of its group. */
    uid: number;
    /** The home folder. */
    home: string;
}

/** A file or folder of an image: copied `from` this machine, or written with `content`. */
export interface ImageFile {
    /** The absolute path in the image. */
    path: string;
    /** The file or folder to copy. */
    from?: string;
    /** The text to write. */
    content?: string;
    /** Permissions, such as `0o755`. Default: those of `from`, or 0644. */
    mode?: number;
}
