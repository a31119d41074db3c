import { protectedResourceMetadataUrl } from 'idplug/internal'
import { type Check, failed, passed } from '../check.ts'
import { rfc } from '../documents.ts'
import { answerOf } from '../facts.ts'

/** Protected resource metadata. */
export const metadataChecks: readonly Check[] = [
  {
    id: 'P01',
    title: 'Metadata is at the well-known URL with the path of the endpoint inserted',
    level: 'MUST',
    source: rfc('RFC 9728', '3'),
    tier: 0,
    async run(target) {
      const found = await target.send({ method: 'GET', url: protectedResourceMetadataUrl(target.url) })
      return found.status === 200 ? passed() : failed(answerOf(found), found)
    },
  },
]
