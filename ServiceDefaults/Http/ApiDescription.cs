using System.Reflection;
using System.Text.Json;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;
using OpsPlatform.ServiceDefaults.Auth;

namespace OpsPlatform.ServiceDefaults.Http;

/// <summary>The service's OpenAPI document: each use case's own request and response, what needs a token, and the problems.</summary>
internal static class ApiDescription
{
    private const string Bearer = "bearer";

    public static void AddApiDescription(this IServiceCollection services) => services.AddOpenApi(options =>
    {
        // A request is nested in its use case, and only both names together are its own.
        options.CreateSchemaReferenceId = type =>
            OpenApiOptions.CreateDefaultSchemaReferenceId(type) is { } name && type.Type is { IsNested: true, IsGenericType: false, DeclaringType: { } useCase }
                ? name.StartsWith(useCase.Name, StringComparison.Ordinal) ? name : useCase.Name + name
                : OpenApiOptions.CreateDefaultSchemaReferenceId(type);
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
            document.Components.SecuritySchemes[Bearer] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = Bearer,
                BearerFormat = "JWT",
                Description = "An access token from POST /identity/login.",
            };
            return Task.CompletedTask;
        });
        options.AddSchemaTransformer((schema, context, _) =>
        {
            ApiLimits.Describe(schema, context);
            return Task.CompletedTask;
        });
        options.AddOperationTransformer((operation, context, _) =>
        {
            var metadata = context.Description.ActionDescriptor.EndpointMetadata;
            if (metadata.OfType<MethodInfo>().FirstOrDefault()?.DeclaringType is { IsAbstract: true, IsSealed: true } useCase)
            {
                operation.OperationId = JsonNamingPolicy.CamelCase.ConvertName(useCase.Name);
            }

            var needsToken = metadata.OfType<IAuthorizeData>().Any() && !metadata.OfType<IAllowAnonymous>().Any();
            if (needsToken)
            {
                operation.Security = [new() { [new OpenApiSecuritySchemeReference(Bearer, context.Document)] = [] }];
            }

            operation.Extensions ??= new Dictionary<string, IOpenApiExtension>();
            var role = EndpointRole.Of(metadata);
            operation.Extensions["x-required-role"] = new JsonNodeExtension(role);
            if (EndpointRole.ScopeOf(role, context.Description.HttpMethod ?? "", context.Description.RelativePath ?? "") is { } scope)
            {
                operation.Extensions["x-required-scope"] = new JsonNodeExtension(scope);
            }

            operation.Responses ??= [];
            foreach (var (status, meaning) in needsToken
                ? (IEnumerable<(string, string)>)[("400", "The request does not fit."), ("401", "No valid token."), ("403", "The role does not allow it.")]
                : [("400", "The request does not fit.")])
            {
                operation.Responses.TryAdd(status, new OpenApiResponse
                {
                    Description = meaning,
                    Content = new Dictionary<string, OpenApiMediaType> { ["application/problem+json"] = new() },
                });
            }

            Idempotency.KeyDescription.AddTo(operation, [.. metadata]);
            return Task.CompletedTask;
        });
    });
}
