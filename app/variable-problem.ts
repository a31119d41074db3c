import { secretName } from 'idplug'

/**
 * What is wrong where an option or a member of a file names a variable that is not set, as the end of a sentence about it. Shows only
 * what is a name by the rule of options for secrets: people pass the secret itself at times.
 */
export function variableProblem(name: string): string {
  return secretName.safeParse(name).success
    ? `names ${name}, which is not set`
    : 'takes the name of a variable, such as API_KEY, and there is none of the name that it got; set one to the value, and give its name'
}
