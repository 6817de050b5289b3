// Uploads one file with the official client, as its argument, JSON, says, and prints what it saw as JSON.
import { createReadStream, statSync } from "node:fs";
import { createRequire } from "node:module";

const tus = createRequire(new URL("../../web/package.json", import.meta.url))("tus-js-client");
const told = JSON.parse(process.argv[2]);
const seen = { first: null, accepted: 0, url: null, state: null };

const options = {
  endpoint: told.endpoint,
  chunkSize: told.chunkSize,
  uploadSize: told.parallelUploads > 1 ? undefined : statSync(told.file).size,
  parallelUploads: told.parallelUploads,
  retryDelays: [0, 100, 200, 400, 800, 1600],
  headers: { Authorization: `Bearer ${told.token}` },
  metadata: told.metadata,
  urlStorage: new tus.FileUrlStorage(told.store),
  fingerprint: async () => told.file,
  overridePatchMethod: told.overridePatchMethod,
  uploadDataDuringCreation: told.uploadDataDuringCreation,
  onProgress: (sent) => { seen.first ??= sent; },
  onChunkComplete: (_, accepted) => {
    seen.accepted = accepted;
    if (told.stopAfter && accepted >= told.stopAfter) upload.abort().then(finish);
  },
  onAfterResponse: (_, response) => { seen.state = response.getHeader("Upload-State") ?? seen.state; },
  onError: (error) => { console.error(String(error)); process.exit(1); },
  onSuccess: finish,
};

function finish() {
  seen.url = upload.url;
  console.log(JSON.stringify(seen));
  process.exit(0);
}

const upload = new tus.Upload(createReadStream(told.file), options);
const [previous] = await upload.findPreviousUploads();
if (previous) upload.resumeFromPreviousUpload(previous);
upload.start();
