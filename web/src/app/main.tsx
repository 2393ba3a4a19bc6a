import { showThemeColour } from "../kit/theme";
import { App } from "./app";
import { createNavigation } from "./navigation";
import { startPage } from "./start";

const navigation = createNavigation();

void startPage({
  content: <App navigation={navigation} />,
  design: () => navigation.design(),
  painted: showThemeColour,
});
