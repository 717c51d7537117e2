// Trivy's own scanners for manifests and Dockerfiles with the checks embedded in it, as `trivy config` runs them, over every
// folder below the one that is given. The whole program takes longer to build than anybody waits for, so only these are:
//   go mod download github.com/aquasecurity/trivy@v0.67.2, copy its folder, put this file into cmd/iac there, then
//   GOEXPERIMENT=jsonv2 go build -o trivy-config ./cmd/iac
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing/fstest"

	"github.com/aquasecurity/trivy/pkg/iac/detection"
	"github.com/aquasecurity/trivy/pkg/iac/rego"
	"github.com/aquasecurity/trivy/pkg/iac/scanners/dockerfile"
	"github.com/aquasecurity/trivy/pkg/iac/scanners/kubernetes"
)

type finding struct {
	Folder, File, ID, Severity, Message string
	Line                                int
}

func main() {
	if os.Args[1] == "--version" {
		fmt.Println("trivy 0.67.2, scanners of manifests and Dockerfiles")
		return
	}
	root := os.Args[1]
	entries, _ := os.ReadDir(root)
	folders := []string{}
	for _, e := range entries {
		if e.IsDir() {
			folders = append(folders, e.Name())
		}
	}
	out := []finding{}
	k := kubernetes.NewScanner(rego.WithEmbeddedPolicies(true), rego.WithEmbeddedLibraries(true))
	d := dockerfile.NewScanner(rego.WithEmbeddedPolicies(true), rego.WithEmbeddedLibraries(true))
	for _, folder := range folders {
		kf, df := fstest.MapFS{}, fstest.MapFS{}
		_ = filepath.WalkDir(filepath.Join(root, folder), func(p string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return nil
			}
			text, err := os.ReadFile(p)
			if err != nil {
				return nil
			}
			rel, _ := filepath.Rel(filepath.Join(root, folder), p)
			if detection.IsType(rel, bytes.NewReader(text), detection.FileTypeKubernetes) {
				kf[rel] = &fstest.MapFile{Data: text}
			}
			if detection.IsType(rel, bytes.NewReader(text), detection.FileTypeDockerfile) {
				df[rel] = &fstest.MapFile{Data: text}
			}
			return nil
		})
		for i, f := range []fstest.MapFS{kf, df} {
			if len(f) == 0 {
				continue
			}
			scan := k.ScanFS
			if i == 1 {
				scan = d.ScanFS
			}
			results, err := scan(context.Background(), f, ".")
			if err != nil {
				fmt.Fprintln(os.Stderr, folder, err)
				continue
			}
			for _, r := range results.GetFailed() {
				out = append(out, finding{folder, r.Range().GetFilename(), r.Rule().AVDID, string(r.Severity()), r.Description(), r.Range().GetStartLine()})
			}
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(out)
}
