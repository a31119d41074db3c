// Assesses projects and publishes the results: node test/conformance/field/main.ts [id ...]
// Without ids all of them; the others keep the results that they have. `npm run setup:field` has to come first.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resultText } from '../../../app/conformance/report/text.ts'
import { assess } from './assess.ts'
import { projects } from './projects.ts'
import { fileOf, type Published, publish, table } from './publish.ts'

const wanted = process.argv.slice(2)
mkdirSync(fileOf('').replace(/[^/]*$/, ''), { recursive: true })
for (const project of projects) {
  if (wanted.length > 0 && !wanted.includes(project.id)) continue
  console.log(`\n== ${project.id}`)
  const results = await assess(project, result => console.log(resultText(result)))
  writeFileSync(fileOf(project.id), `${JSON.stringify(publish(project, results), null, 2)}\n`)
}
const published = projects
  .filter(({ id }) => existsSync(fileOf(id)))
  .map(({ id }) => JSON.parse(readFileSync(fileOf(id), 'utf8')) as Published)
writeFileSync(new URL('../../../docs/conformance/field.md', import.meta.url), table(published))
