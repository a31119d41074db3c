import type { AuthObserver } from '../src/auth.ts'

/** Several observers as one. Has a member only where one of them has it, so that nothing is worked out for nobody. */
export function combineObservers(observer: AuthObserver | readonly AuthObserver[]): AuthObserver {
  if (!Array.isArray(observer)) return observer as AuthObserver
  const all = observer as readonly AuthObserver[]
  const [first] = all
  if (first && all.length === 1) return first
  const names = new Set(all.flatMap(each => Object.keys(each) as (keyof AuthObserver)[]))
  const combined: Partial<Record<keyof AuthObserver, (...told: never[]) => void>> = {}
  for (const name of names) {
    combined[name] = (...told) => {
      for (const each of all) (each[name] as ((...told: never[]) => void) | undefined)?.(...told)
    }
  }
  return combined
}
