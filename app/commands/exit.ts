/** Exit codes of commands that look for mistakes: `doctor` and `explain`. */
export const EXIT = { fine: 0, found: 1, usage: 2 } as const
