import { people as auth0 } from './auth0/people.ts'
import { people as azure } from './azure/people.ts'
import { people as github } from './github/people.ts'
import { people as google } from './google/people.ts'
import { people as oidc } from './oidc/people.ts'
import { people as okta } from './okta/people.ts'
import { people as userinfo } from './userinfo/people.ts'

/** The people of every provider at which somebody can sign in, by the name of its adapter. */
export const people = { auth0, azure, github, google, oidc, okta, userinfo } as const

export type PeopleProvider = keyof typeof people
