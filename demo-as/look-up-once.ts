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
  const found = Symbol('found')
  model.find = async (id, options) => {
    const state: { [found]?: Map<string, object> } | undefined = Provider.ctx?.state
    const key = `${options?.ignoreExpiration} ${id}`
    const known = state?.[found]?.get(key)
    if (known) return known
    const value = await find.call(model, id, options)
    if (!value || !state) return value
    state[found] ??= new Map()
    state[found].set(key, value)
    return value
  }
}

/** The same for a function. Those who ask meanwhile share the answer. */
export function askOnce<T>(ask: (id: string) => Promise<T | undefined>): (id: string) => Promise<T | undefined> {
  const asked = Symbol('asked')
  return async id => {
    const state: { [asked]?: Map<string, Promise<T | undefined>> } | undefined = Provider.ctx?.state
    if (!state) return ask(id)
    state[asked] ??= new Map()
    const answers = state[asked]
    const answer = answers.get(id) ?? ask(id)
    answers.set(id, answer)
    const value = await answer
    if (value === undefined) answers.delete(id)
    return value
  }
}
