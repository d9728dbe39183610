// Check parses the Dockerfile and the compose file of this folder with the parsers of
// Docker, where there is no Docker to try them. It is a module of its own, so that the
// site does not depend on them.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: check FOLDER")
		os.Exit(2)
	}
	if err := check(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func check(folder string) error {
	f, err := os.Open(filepath.Join(folder, "Dockerfile"))
	if err != nil {
		return err
	}
	defer f.Close()
	parsed, err := parser.Parse(f)
	if err != nil {
		return err
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return fmt.Errorf("Dockerfile: %w", err)
	}
	for _, w := range parsed.Warnings {
		return fmt.Errorf("Dockerfile: %s", w.Short)
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(folder, "compose.yaml")},
		cli.WithEnv([]string{"POSTGRES_PASSWORD=a password"}), cli.WithoutEnvironmentResolution)
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return fmt.Errorf("compose.yaml: %w", err)
	}
	fmt.Printf("Dockerfile: %d stages; compose.yaml: services %v\n", len(stages), project.ServiceNames())
	return nil
}
