import { openIdPeople } from '../../src/people/people.ts'

export const people = openIdPeople('oidc')
