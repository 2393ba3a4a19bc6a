import { TriangleAlert } from "lucide-react";
import { Component, type ReactNode } from "react";
import { withTranslation, type WithTranslation } from "react-i18next";

interface State {
  readonly failed: boolean;
}

/** Catches what should never happen and offers the way on, instead of an empty page. */
class Boundary extends Component<WithTranslation & { readonly children: ReactNode }, State> {
  override state: State = { failed: false };

  static getDerivedStateFromError(): State {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    const { t } = this.props;
    return (
      <main className="page" id="errorPage">
        <div className="card ended">
          <TriangleAlert className="ended-icon" aria-hidden="true" />
          <h1>{t("ended.crash.title")}</h1>
          <p role="alert">{t("ended.crash.text")}</p>
          <button
            type="button"
            className="button button-primary"
            onClick={() => window.location.reload()}
          >
            {t("ended.crash.reload")}
          </button>
        </div>
      </main>
    );
  }
}

export const ErrorBoundary = withTranslation()(Boundary);
