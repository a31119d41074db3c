import { openSession, serve } from './serving.ts'

// A gateway in a process of its own, to be killed. Prints a line for each event once its sessions are open.
const [flag] = process.argv.slice(2)
const serving = await serve({ flags: flag ? [flag] : [] })
await openSession(serving)
await openSession(serving)
const printed = new Set()
setInterval(() => {
  for (const event of serving.events) {
    if (!printed.has(event)) console.log(JSON.stringify(event))
    printed.add(event)
  }
}, 20)
