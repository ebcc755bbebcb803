/** The bundle of widgets that look inside a network: its units, its concepts. */

import { h } from "preact";
import { Concepts } from "./concepts/concepts";
import { createConceptsStore } from "./concepts/store";
import { Dissect } from "./dissect/dissect";
import { createDissectStore } from "./dissect/store";
import { widget } from "./mount";

export default widget("inside", {
  concepts: (model, closed) => h(Concepts, { store: createConceptsStore(model, closed) }),
  dissect: (model, closed) => h(Dissect, { store: createDissectStore(model, closed) }),
});
