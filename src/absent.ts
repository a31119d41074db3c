/** Whether a provider said nothing: many write `null` for a member that they have no value for. */
export const isAbsent = (value: unknown): value is null | undefined => value === undefined || value === null

export const isThere = (value: unknown): boolean => !isAbsent(value)
