/** The bundle of widgets that look inside a network: its units, its concepts. */

import { h } from "preact";
import { Dissect } from "./dissect/dissect";
import { createDissectStore } from "./dissect/store";
import { widget } from "./mount";

export default widget({
  dissect: (model, closed) => h(Dissect, { store: createDissectStore(model, closed) }),
});
