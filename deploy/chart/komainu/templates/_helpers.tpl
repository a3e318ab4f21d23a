{{- define "komainu.name" -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- end }}

{{- define "komainu.account" -}}
{{- .Values.serviceAccount.name | default (include "komainu.name" .) -}}
{{- end }}

{{- define "komainu.selector" -}}
app.kubernetes.io/name: komainu
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "komainu.labels" -}}
{{ include "komainu.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "komainu.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "komainu.config" -}}
rules: [/etc/komainu/rules]
containers:
  host_root: /host
  {{- if not .Values.runtimeDir }}
  runtime: "off"
  {{- end }}
{{- if .Values.hostUsers }}
users:
  passwd: /host/etc/passwd
  group: /host/etc/group
{{- end }}
http:
  listen: 0.0.0.0:{{ .Values.http.port }}
{{- end }}
