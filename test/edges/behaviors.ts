import { bodies } from './behaviors/bodies.ts'
import { callers } from './behaviors/callers.ts'
import { discovery } from './behaviors/discovery.ts'
import { ownServer } from './behaviors/own-server.ts'
import { refusals } from './behaviors/refusals.ts'
import { resources } from './behaviors/resources.ts'
import { streams } from './behaviors/streams.ts'
import type { Behavior } from './edge-fixture.ts'

/** What every edge does, whatever the framework. */
export const behaviors: readonly Behavior[] = [
  ...discovery,
  ...callers,
  ...refusals,
  ...bodies,
  ...streams,
  ...resources,
  ...ownServer,
]
