/** How the media are copied in a test's plan, unless it is about just that. */
export const mediaRules = {
    minimumFiles: 1,
    maximumDeletions: 100,
    sharing: "link" as const,
    links: "refuse" as const,
    owners: "agent" as const,
    exclude: [],
    verify: { copied: 100, linked: 1 },
    keepGenerations: 1,
};
