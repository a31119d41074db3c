import { listen } from '../../support/http.ts'
import { describeFit } from '../support/describe-fit.ts'
import { createFilesServer } from './sdk2-express.ts'

describeFit({
  name: 'requireBearerAuth of @modelcontextprotocol/express with the validator of an auth',
  outage: 500, // it knows no 503
  start: ({ auth }) => listen(createFilesServer(auth)),
})
