import Provider from 'oidc-provider'

/** What lookUpOnce needs of a model of oidc-provider. */
interface Model {
  find(id: string, options?: { ignoreExpiration?: boolean }): Promise<object | undefined>
}

/**
 * Within one request, gives what was found before instead of looking for it again: oidc-provider and the rules around it ask for the
 * same thing several times. Whatever was not found is looked for each time.
 */
export function lookUpOnce(model: Model): void {
  const { find } = model
  const found = new WeakMap<object, Map<string, object>>()
  model.find = async (id, options) => {
    const request = Provider.ctx
    if (!request) return find.call(model, id, options)
    const key = `${options?.ignoreExpiration} ${id}`
    const known = found.get(request) ?? new Map<string, object>()
    const value = known.get(key) ?? (await find.call(model, id, options))
    if (value) found.set(request, known.set(key, value))
    return value
  }
}
