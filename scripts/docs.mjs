// Prints the documents that follow from the source: docs/resources.md, docs/devices.md, etc/experiment.schema.json.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { devicesDocument } from "../dist/src/drivers/oceanoptics/devices-document.js";
import { experimentSchema } from "../dist/src/interfaces/cli/experiment.js";
import { resourcesDocument } from "../dist/src/resources/document.js";
import { TREE } from "../dist/src/resources/tree.js";

const docs = fileURLToPath(new URL("../docs/", import.meta.url));
writeFileSync(`${docs}resources.md`, resourcesDocument(TREE));
writeFileSync(`${docs}devices.md`, devicesDocument());
writeFileSync(fileURLToPath(new URL("../etc/experiment.schema.json", import.meta.url)), experimentSchema());
