import { lookUpGroups as azure } from './azure/graph.ts'
import type { PeopleProvider } from './people.ts'

/** Where groups are looked up that a provider leaves out of its tokens, by the name of its adapter. */
export const groupLookUps: Readonly<Partial<Record<PeopleProvider, typeof azure>>> = { azure }
